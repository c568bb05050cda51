"""The phrases that speak to a model in languages other than English: German, French, Spanish, Portuguese, Italian, Dutch,
Polish, Turkish, Russian, Ukrainian, Chinese, Japanese, Korean, Arabic, Hindi.

Of each: that instructions are to be set aside; of most also: that the reader is a model, or is to be one, and that its user is
not to be told.
"""

from __future__ import annotations

from typing import Final

from research.sources.injection_phrases import between, rule


def _aside(verbs: str, before: str, nouns: str, after: str, gap: int = 4) -> str:
    """Set aside + (adjective + noun, or noun + adjective)."""
    far, near = between(gap), between(1)
    return rf"\b(?:{verbs})(?:{far}(?:{before}){near}(?:{nouns})\b|{far}(?:{nouns}){near}(?:{after})\b)"


OTHER_LANGUAGES: Final = (
    # German
    rule(
        _aside(
            r"ignoriere|ignorier|ignorieren sie|vergiss|vergessen sie|missachte|missachten sie|verwirf|verwerfen sie"
            r"|übergehe|überschreibe|befolge nicht",
            r"alle[rn]?|sämtliche[n]?|vorherige[nr]?|vorige[nr]?|bisherige[nr]?|frühere[nr]?|obige[nr]?"
            r"|vorangegangene[nr]?|vorhergehende[nr]?|deine|ihre",
            r"(?:system)?anweisung(?:en)?|instruktionen|befehle|vorgaben|(?:system)?prompts?|direktiven",
            r"oben|zuvor|bisher",
        ),
        "ignorier verg missacht verw überg überschreib befolge",
        "anweisung instruktion befehle vorgaben prompt direktiven",
    ),
    rule(
        rf"\b(?:du bist|sie sind) (?:jetzt|nun|ab sofort|ab jetzt|von nun an){between(4)}(?:ki|ki-\w{{1,20}}|assistent"
        rf"|chatbot|sprachmodell)\b"
        r"|\b(?:wenn|falls|sofern) (?:du|sie) (?:eine? )?(?:ki|künstliche intelligenz|(?:großes )?sprachmodell|ki-\w{1,20}"
        r"|chatbot|llm) (?:bist|sind)\b"
        r"|\bki-(?:agenten|assistenten|systeme|modelle|bots)(?:,)? (?:die|welche) diese (?:seite|webseite)\b"
        r"|\b(?:sage?|sagen sie|teile|verrate|verraten sie|erzähle?) (?:es |das |dies )?(?:dem|den) (?:nutzer|benutzer"
        r"|anwender|user)n? (?:nicht|nichts)\b",
        "du_bist sie_sind wenn falls sofern ki- dem_ den_",
        "ki assistent chatbot sprachmodell intelligenz llm nutzer anwender user",
    ),
    # French
    rule(
        _aside(
            r"ignore[zr]?|oublie[zr]?|néglige[zr]?|ne (?:tiens|tenez) pas compte|fais abstraction|faites abstraction"
            r"|ne (?:suis|suivez) (?:pas|plus)",
            r"toutes|tes|vos|précédentes?|anciennes",
            r"instructions|consignes|directives|prompts?",
            r"précédentes?|antérieures?|ci-dessus|préalables|initiales|système|ci-avant",
        ),
        "ignore oublie néglige compte abstraction ne_sui",
        "instruction consigne directive prompt",
    ),
    rule(
        rf"\b(?:tu es|vous êtes) (?:maintenant|désormais|à présent){between(4)}(?:ia|assistant|chatbot|modèle de langage)\b"
        r"|\bsi (?:tu es|vous êtes) (?:une |un )?(?:ia|intelligence artificielle|(?:grand )?modèle de langage"
        r"|assistant (?:ia|d['’]ia)|agent (?:ia|d['’]ia)|chatbot|llm)\b"
        r"|\bne (?:le |la |lui )?(?:dis|dites|révèle|révélez|mentionne|mentionnez|signale|signalez)(?: \w{1,12}){0,5} (?:à"
        r"|a) l['’]utilisateur",
        "tu_es vous_êtes utilisateur",
    ),
    # Spanish
    rule(
        _aside(
            r"ignora|ignore|ignorad|olvida|olvide|olvidad|descarta|descarte|desatiende|haz caso omiso|haga caso omiso"
            r"|no (?:sigas|siga|obedezcas)",
            r"todas|tus|sus|anteriores|previas",
            r"instrucciones|indicaciones|directrices|órdenes|prompts?",
            r"anteriores|previas|precedentes|iniciales|de arriba|del sistema|originales",
        ),
        "ignor olvid descart desatiende caso_omiso no_s no_o",
        "instrucciones indicaciones directrices órdenes prompt",
    ),
    rule(
        rf"\b(?:ahora eres|a partir de ahora eres|eres ahora|desde ahora eres){between(4)}(?:ia|asistente|chatbot"
        rf"|modelo de lenguaje)\b"
        r"|\bsi (?:eres|usted es) (?:una |un )?(?:ia|inteligencia artificial|(?:gran )?modelo de lenguaje|(?:asistente"
        r"|agente) de ia|chatbot|llm)\b"
        r"|\bno (?:le |se lo )?(?:digas|diga|informes|informe|menciones|mencione|reveles"
        r"|revele)(?: \w{1,12}){0,5} al usuario\b",
        "eres usted_es al_usuario",
    ),
    # Portuguese
    rule(
        _aside(
            r"ignore|ignora|ignorem|esqueça|esquece|desconsidere|desconsidera|descarte|não siga",
            r"todas|tuas|suas|anteriores|prévias",
            r"instruções|orientações|diretrizes|ordens|prompts?",
            r"anteriores|prévias|precedentes|acima|iniciais|do sistema|originais",
        ),
        "ignor esque desconsider descarte não_siga",
        "instruções orientações diretrizes ordens prompt",
    ),
    rule(
        rf"\b(?:você (?:é|está) agora|agora você é|a partir de agora,? você é){between(4)}(?:ia|assistente|chatbot"
        rf"|modelo de linguagem)\b"
        r"|\bse você (?:é|for) (?:uma |um )?(?:ia|inteligência artificial|(?:grande )?modelo de linguagem|(?:assistente"
        r"|agente) de ia|chatbot|llm)\b"
        r"|\bnão (?:conte|diga|informe|mencione|revele)(?: \w{1,12}){0,5} ao (?:usuário|utilizador)\b",
        "você ao_usuário ao_utilizador",
    ),
    # Italian
    rule(
        _aside(
            r"ignora|ignorate|ignori|dimentica|dimenticate|dimentichi|trascura|scarta|non (?:seguire|considerare|tenere conto)",
            r"tutte|tue|vostre|precedenti",
            r"istruzioni|indicazioni|direttive|ordini|prompt",
            r"precedenti|anteriori|sopra|iniziali|di sistema|originali",
        ),
        "ignor dimentic trascura scarta non_",
        "istruzioni indicazioni direttive ordini prompt",
    ),
    rule(
        rf"\b(?:ora sei|adesso sei|sei ora|d['’]ora in poi sei){between(4)}(?:ia|ai|assistente|chatbot|modello linguistico)\b"
        r"|\bse sei (?:un['’]|una |un )?(?:ia|ai|intelligenza artificiale|modello linguistico|(?:assistente|agente) (?:ia"
        r"|ai)|chatbot|llm)\b"
        r"|\bnon (?:dire|dirlo|informare|menzionare|rivelare)(?: \w{1,12}){0,5} all['’]utente\b",
        "sei all'utente all’utente",
    ),
    # Dutch, Polish, Turkish
    rule(
        _aside(
            r"negeer|vergeet|sla",
            r"alle|eerdere|vorige|bovenstaande|voorgaande|jouw",
            r"instructies|opdrachten|aanwijzingen|prompts?",
            r"hierboven",
        ),
        "negeer vergeet sla_",
        "instructies opdrachten aanwijzingen prompt",
    ),
    rule(
        _aside(
            r"zignoruj(?:cie)?|ignoruj(?:cie)?|zapomnij(?:cie)?|pomiń(?:cie)?",
            r"wszystki\w{1,5}|poprzedni\w{1,5}|wcześniejsz\w{1,5}|powyższ\w{1,5}|swoj\w{1,5}",
            r"instrukcj\w{1,5}|polece\w{1,5}|wytyczn\w{1,5}|prompt\w{0,5}",
            r"poprzedni\w{1,5}|wcześniejsz\w{1,5}|powyższ\w{1,5}",
        ),
        "ignoruj zapomnij pomiń",
        "instrukcj polece wytyczn prompt",
    ),
    rule(
        rf"\b(?:önceki|yukarıdaki|tüm|bütün){between(2)}(?:talimat|komut|yönerge)\w{{0,12}}{between(1)}(?:yok say"
        rf"|görmezden gel|unut|dikkate alma)\w{{0,8}}",
        "talimat komut yönerge",
    ),
    # Russian, Ukrainian
    rule(
        _aside(
            r"(?:про)?игнорируй(?:те)?|забудь(?:те)?|не обращай(?:те)? внимания на|отбрось(?:те)?|не учитывай(?:те)?"
            r"|не выполняй(?:те)?",
            r"предыдущ\w{1,4}|прежни\w{1,3}|вышеуказанн\w{1,4}|вышеприведенн\w{1,4}|прошл\w{1,4}|все|всех|любые|свои|ранее"
            r"|данные ранее",
            r"инструкци\w{1,4}|указани\w{1,4}|команд\w{0,4}|промпт\w{0,4}|директив\w{0,4}",
            r"выше|ранее",
        )
        + rf"|\b(?:(?:про)?игнорируй(?:те)?|забудь(?:те)?){between(1)}(?:предыдущие|прежние|системные) правила\b"
        rf"|\b(?:покажи|раскрой|выведи|сообщи)(?:те)?{between(1)}системн\w{{1,3}} промпт",
        "покажи раскрой выведи сообщи игнорируй забудь внимания отбрось учитывай выполняй",
        "инструкци указани команд промпт директив правила",
    ),
    rule(
        rf"\b(?:ты теперь|теперь ты|вы теперь|теперь вы|отныне ты){between(4)}(?:ии|ассистент|помощник|чат-бот|чатбот"
        rf"|языковая модель|нейросеть)\b"
        r"|\bесли (?:ты|вы)(?: [-–—])?(?: являешься| являетесь)? (?:ии|искусственный интеллект"
        r"|(?:большая )?языковая модель|чат-бот|чатбот|нейросеть|llm|ии-\w{1,12})\b"
        r"|\bне (?:говори|говорите|сообщай|сообщайте|рассказывай|рассказывайте)(?: \w{1,12}){0,4} пользовател(?:ю|ям)\b",
        "ты вы пользовател",
        "ии ассистент помощник чат язык нейросеть интеллект llm пользовател",
    ),
    rule(
        _aside(
            r"(?:про)?ігноруй(?:те)?|забудь(?:те)?|не зважай(?:те)? на",
            r"попередн\w{1,3}|всі|усі|раніше|вищенаведен\w{1,3}|свої",
            r"інструкці\w{1,4}|вказівк\w{1,4}|команд\w{0,4}|промпт\w{0,4}",
            r"вище|раніше",
        ),
        "ігноруй забудь зважай",
        "інструкці вказівк команд промпт",
    ),
    # Chinese. 提示 alone is also a notice on a form ("ignore this notice if you have paid"), so it does not count.
    rule(
        r"(?:忽略|无视|無視|忘记|忘記|忘掉|不要理会|不要理會|忽視|忽视|不要遵循|不要遵守)[^\n。！？]{0,6}(?:之前|以前|先前|上述|上面|以上|前面|此前|所有|全部|一切|你的|原有)"
        r"[^\n。！？]{0,6}(?:指令|指示|提示词|提示詞|系统提示|系統提示|命令)"
        r"|(?:忽略|无视|無視|忘记|忘記|忘掉)(?:之前|先前|此前|你|原有|所有)的?[^\n。！？]{0,3}(?:规则|規則|设定|設定)",
        "忽略 无视 無視 忘记 忘記 忘掉 不要 忽視 忽视",
        "指令 指示 提示 命令 规则 規則 设定 設定",
    ),
    rule(
        r"你(?:现在|現在|从现在起|從現在起)(?:就)?是[^\n。！？]{0,10}(?:AI|人工智能|人工智慧|助手|助理|机器人|機器人|语言模型|語言模型|大模型)"
        r"|如果(?:你|您)是(?:一个|一個|一名)?(?:AI|人工智能|人工智慧|大?语言模型|大?語言模型|大模型|聊天机器人|聊天機器人|智能体)"
        r"|(?:不要|请勿|請勿|别|別|切勿)(?:告诉|告訴|告知|透露给|透露給)(?:用户|用戶|使用者)",
        "你 您 用户 用戶 使用者",
    ),
    # Japanese
    rule(
        r"(?:以前|これまで|今まで|前|上記|先ほど|すべて|全て|あらゆる)の[^\n。！？]{0,10}(?:指示|命令|プロンプト)(?:を|は)?(?:すべて|全て|一切)?"
        r"(?:無視(?:し、|して(?:ください|下さい|[、。…」]|$)|せよ|しろ|しなさい|すること)|忘れ(?:て(?:ください|下さい|、)|ろ|なさい)|破棄(?:して|せよ|しろ))",
        "無視 忘れ 破棄",
        "指示 命令 プロンプト",
    ),
    rule(
        r"あなたは(?:今|これ)から[^\n。！？]{0,15}(?:AI|アシスタント|言語モデル|チャットボット)"
        r"|あなたが(?:AI|人工知能|大規模言語モデル|言語モデル|LLM|チャットボット)(?:なら|である|の場合|であれば|だった)"
        r"|ユーザーに(?:は)?(?:教え|伝え|言わ|知らせ|話さ)ないで",
        "あなた ユーザー",
    ),
    # Korean
    rule(
        r"(?:이전|위의?|앞의?|앞선|기존|모든)[^\n.!?]{0,8}(?:지시|명령|지침|프롬프트)[^\n.!?]{0,8}(?:무시(?:하고|하세요|해|하라|하십시오)|잊(?:어|으세요|고))",
        "무시 잊",
        "지시 명령 지침 프롬프트",
    ),
    rule(
        r"(?:당신은|너는) (?:이제|지금부터)[^\n.!?]{0,15}(?:AI|인공지능|어시스턴트|언어 모델|챗봇)"
        r"|(?:당신이|네가|만약) (?:AI|인공지능|언어 모델|LLM|챗봇)(?:라면|이라면|인 경우)"
        r"|사용자에게 (?:말하|알리|언급하)지 ?(?:마|말)",
        "당신 너는 네가 만약 사용자",
    ),
    # Arabic, Hindi
    rule(
        r"(?:تجاهل|انسَ?|أهمل)[^\n.؟!]{0,15}(?:التعليمات|الأوامر|التوجيهات)[^\n.؟!]{0,10}(?:السابقة|أعلاه|المذكورة)",
        "التعليمات الأوامر التوجيهات",
    ),
    rule(
        r"(?:पिछले|पूर्व|उपरोक्त|सभी)[^\n।!?]{0,12}(?:निर्देश|आदेश)[^\n।!?]{0,12}(?:अनदेखा|नज़रअंदाज़|भूल)",
        "निर्देश आदेश",
    ),
)
