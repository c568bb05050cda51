"""A text that says no encoding is read in the likeliest; where another is nearly as likely, that is said."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from research.documents.charset import decode, decoded
from research.documents.extract import extract

SENTENCES = {
    "fr": "Le déjeuner a été servi à la fenêtre du château. Où est l'élève français qui a reçu la leçon ?",
    "it": "La città è più bella perché c'è il mare. Così dice la società, già da metà del mese.",
    "pt": "A reunião começou às três horas. O avião não chegou à estação. Informações sobre ações e opções.",
    "sv": "Företaget grundades i Göteborg. Priset på varan är tjugo kronor, och vikten är några få kilo.",
    "pl": "Zażółć gęślą jaźń. Spółka z ograniczoną odpowiedzialnością w Łodzi została założona w styczniu.",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy. Společnost byla založena v Brně a sídlí ve čtvrti Žabovřesky.",
    "ru": "Компания была основана в Москве в 1998 году. Цена товара составляет двадцать рублей за штуку.",
    "el": "Η εταιρεία ιδρύθηκε στην Αθήνα το 1998. Η τιμή του προϊόντος είναι είκοσι ευρώ.",
    "tr": "Şirket İstanbul'da kuruldu. Ürünün fiyatı yirmi liradır ve ağırlığı üç kilogramdır.",
    "ja": "会社は東京で設立されました。商品の価格は二十円です。これはとても安いです。",
    "zh": "公司成立于北京。产品的价格是二十元。这个价格非常便宜，欢迎购买。",
    "ko": "회사는 서울에서 설립되었습니다. 상품의 가격은 이십 원입니다. 매우 저렴합니다.",
}
WRITTEN = [
    *(("fr", name) for name in ("cp1252", "cp850", "mac_roman")),
    *((language, "cp1252") for language in ("it", "pt", "sv")),
    *((language, name) for language in ("pl", "cs") for name in ("cp1250", "iso8859-2", "cp852")),
    *(("ru", name) for name in ("cp1251", "koi8-r", "cp866", "iso8859-5", "utf-16-le", "utf-16-be", "utf-32-le")),
    *(("el", "cp1253"), ("tr", "cp1254"), ("ja", "shift_jis"), ("ja", "euc_jp"), ("ja", "iso2022_jp")),
    *(("zh", "gb18030"), ("ko", "euc_kr")),
]


@pytest.mark.parametrize(("language", "encoding"), WRITTEN)
def test_a_text_of_a_sentence_or_two_is_read_in_the_encoding_that_it_was_written_in(language: str, encoding: str) -> None:
    """Whatever stands around it."""
    for text in (SENTENCES[language], f"name,text\n1,{SENTENCES[language]}\n", f"{SENTENCES[language]}\n" * 300):
        assert decode(text.encode(encoding)) == text


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(
        [(language, name) for language, name in WRITTEN if language not in ("ja", "zh", "ko") and not name.startswith("utf")]
    ),
    st.integers(0, 40),
    st.integers(20, 60),
)
def test_a_text_of_a_few_words_is_read_right_or_with_a_doubt(written: tuple[str, str], begin: int, length: int) -> None:
    language, encoding = written
    text = f"name,n\n{SENTENCES[language][begin : begin + length]},1\n"
    data = text.encode(encoding)
    assume(data.decode("utf-8", "replace").encode() != data)  # what is valid UTF-8 by chance is UTF-8
    found = decoded(data)
    assert found.text == text or found.doubt is not None


def test_a_page_of_a_doubtful_encoding_says_so_to_its_owner() -> None:
    extracted = extract("El niño. La señora llegó más tarde.".encode("cp1252"), url="corpus://c/x.txt")
    assert "niño" in extracted.text
    assert "it was read as cp1252, but may be" in extracted.warnings[0]
    assert extract("El niño".encode(), url="corpus://c/x.txt").warnings == ()


def test_utf8_with_a_broken_letter_stays_utf8() -> None:
    found = decoded("Größe, Brücke, Fülle, Maß".encode() + b" caf\xe9\n")
    assert found.text == "Größe, Brücke, Fülle, Maß caf�\n"
    assert found.doubt is not None


def test_the_last_letter_of_a_short_text_is_no_cut_one() -> None:
    assert decode("name\nCafé".encode("cp1252")) == "name\nCafé"
    assert decode("Größe é".encode()[:-1]) == "Größe �"
