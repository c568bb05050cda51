"""Vocabulary: general English (and schema.org) words that name the same property, and words that say little.

Nothing here is about any site, data set or subject matter: each line is a property that many kinds of thing have.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from research.evidence.ranking import words
from research.values.units import UNITS

Concept = str

_SAME: Final = """
founded; founding date; date founded; established; foundation; inception; formed; incorporated; year founded; founding year
founder; founders; founded by; established by
headquarters; hq; head office; headquartered; headquartered in; based in; seat; main office
location; place; venue; situated; located
address; street address; postal address
author; by; written by; created by; writer; creator; byline; article author
price; cost; offer price; offers price; price amount; sale price; selling price; current price; our price; low price
price currency; currency; currency code
brand; brand name; make
manufacturer; manufactured by; maker; made by; built by; builder; producer
title; name; headline; full name
description; summary; abstract; overview
availability; in stock; stock; stock status; available
yield; yields; recipe yield; servings; serves; portions; makes
total time; ready in; time in total; total duration
prep time; preparation time; prep; time to prepare
cook time; cooking time; cook; baking time; bake time
rating; ratings; rating value; average rating; stars; score; review score
rating count; ratings count; review count; reviews count; number of ratings; number of reviews; votes; reviews
ingredients; recipe ingredient; ingredient; recipe ingredients
instructions; recipe instructions; method; directions; steps; preparation steps; how to make; instructions list
category; recipe category; article section; section; genre; categories
cuisine; recipe cuisine
keywords; tags; keyword; subjects; topics
date published; publication date; published; published time; posted; issued; date posted; publish date; date of publication
date modified; updated; modified time; last updated; last modified; modified
language; in language; lang; content language
sku; item number; article number; product code; product number; product id; item no; art nr; stock keeping unit
mpn; manufacturer part number; part number; model number; model no; manufacturer number
gtin; gtin13; gtin12; gtin14; gtin8; ean; upc; barcode; ean code; gtin code
isbn; isbn13; isbn 13; isbn10
site name; publisher; website name
birth date; born; date of birth; birthday
birth place; birthplace; place of birth; born in
death date; died; date of death; deceased
death place; place of death; died in
river source; source; rises in; headwaters
mouth; flows into; empties into
spouse; married to; wife; husband; partner
education; alma mater; educated at; studied at; graduated from; attended; alumni of; university attended
occupation; job title; profession; position; role
nationality; citizenship
employees; number of employees; employs; staff; headcount; workforce; employee count
ceo; chief executive officer; chief executive; managing director
revenue; turnover; annual revenue; sales
population; inhabitants; residents; number of inhabitants
area; surface area; land area
website; homepage; official website; web site; home page
employer; works at; works for; employed by; affiliation
industry; sector; line of business
owner; owned by; parent; parent company; parent organization
operator; operated by; run by; operating agency; agency; managed by
launch date; launched; date of launch; launch; liftoff; lift off; lifted off; liftoff date
mass; weight; weighs; heaviness
duration; length of time; runtime; running time; time required
height; elevation; altitude; tall
start date; begins; starts; opened; opening date; start
end date; ends; closed; closing date; end; finished
organizer; organiser; organized by; organised by; hosted by; host
journal; published in; periodical; journal title; is part of
doi; digital object identifier
director; directed by
cast; starring; actors; actor
telephone; phone; tel; phone number; telephone number
email; e mail; mail address; email address
license; licence; licensed under
capacity; seating capacity; seats; passengers
country; nation; country of origin
calories; energy; kcal
inventor; invented by; discoverer; discovered by; first synthesised by; first synthesized by
discovered; date discovered; discovery date; year discovered; discovery; invented; first synthesised; first synthesized; isolated
fee; fees; registration fee; entry fee; admission fee; registration costs; entry costs; admission costs; entrance fee
architect; designed by; designer
length; long; total length
width; wide; breadth
depth; deep
speed; velocity; top speed; maximum speed
colour; color
material; materials; made of; made from
crew; crew size; crew members
"""

_FOREIGN: Final = """
founded; gründung; gegründet; gründungsjahr; fondation; fondée; fondé en; création; fundación; fundada; fundado
headquarters; sitz; hauptsitz; firmensitz; siège; siège social; sede
employees; mitarbeiter; mitarbeiterzahl; beschäftigte; salariés; effectif; empleados
revenue; umsatz; chiffre d'affaires; ingresos
ceo; geschäftsführer; geschäftsführung; directeur général; director general
population; einwohner; einwohnerzahl; habitants; habitantes; población
area; fläche; superficie
price; preis; prix; precio
manufacturer; hersteller; fabricant; fabricante
brand; marke; marque; marca
mass; gewicht; poids; peso
length; länge; longueur; longitud
height; höhe; hauteur; altura
width; breite; largeur; anchura
colour; farbe; couleur
author; autor; autorin; auteur; autora
director; regie; réalisateur; réalisation
birth date; geboren; geburtsdatum; date de naissance; fecha de nacimiento
birth place; geburtsort; lieu de naissance; lugar de nacimiento
death date; gestorben; todesdatum; date de décès; fecha de fallecimiento
country; land; pays; país
location; ort; standort; lieu; ubicación
ingredients; zutaten; ingrédients; ingredientes
instructions; zubereitung; préparation; preparación
prep time; vorbereitungszeit; temps de préparation; tiempo de preparación
cook time; kochzeit; backzeit; temps de cuisson; tiempo de cocción
total time; gesamtzeit; temps total; tiempo total
"""
"""The same for keys in German, French and Spanish; the first of a line is a property from above."""

_FORMS: Final = """
write wrote written; make made; build built; hold held; lead led; find found; begin began begun; give gave given; take took taken
know known; sell sold; teach taught; buy bought; draw drew drawn; win won; run ran; sing sang sung; choose chose chosen
drive drove driven; bear born; lay laid
"""
VARIANTS: Final = {word: frozenset(forms) for line in re.split(r"[;\n]", _FORMS) for forms in [words(line)] for word in forms}
"""Forms of a verb that stemming does not bring together."""

LIGHT: Final = {
    **dict.fromkeys(words(" ".join(spelling for spelling in UNITS if " " not in spelling)), 0.2),
    **dict.fromkeys(words("date year number no total value current main type kind text info information details listed"), 0.3),
    **dict.fromkeys(words("name time code id list of level official original primary"), 0.4),
    **dict.fromkeys(words("count size amount"), 0.6),
}
"""Words of a key that say of what kind its value is rather than what it is about; all others weigh 1."""

STOP: Final = frozenset(
    words(
        "a an the of in on at to for from by with and or is are was were be been it its this that which who whom whose what when "
        "where why how as if not no any all each every some has have had do does did e g i whether give find tell please must"
    )
)
"""Words that carry no meaning of their own in a description or a question."""

CONTAINERS: Final = frozenset(
    words(
        "offers offer main entity item offered aggregate rating graph props data page product nutrition meta og root recipe "
        "article detail property additional publication event thing web"
    )
)
"""Parts of a path that only hold what comes below them."""


@lru_cache(maxsize=1)
def _concepts() -> tuple[tuple[frozenset[str], Concept], ...]:
    phrases: dict[frozenset[str], Concept] = {}
    for line in (*_SAME.strip().splitlines(), *_FOREIGN.strip().splitlines()):
        spelled = [phrase.strip() for phrase in line.split(";")]
        for phrase in spelled:
            key = frozenset(words(phrase)) - {"of"}
            phrases.setdefault(key or frozenset(words(phrase)), f"={spelled[0]}")
    return tuple(sorted(phrases.items(), key=lambda item: -len(item[0])))


@lru_cache(maxsize=1)
def _by_word() -> dict[str, tuple[tuple[frozenset[str], Concept], ...]]:
    table: dict[str, list[tuple[frozenset[str], Concept]]] = {}
    for phrase, concept in _concepts():
        for word in phrase:
            table.setdefault(word, []).append((phrase, concept))
    return {word: tuple(found) for word, found in table.items()}


@lru_cache(maxsize=16384)
def concepts(stems: frozenset[str]) -> frozenset[str]:
    """A set of words with each phrase that names a common property replaced by that property, longest phrases first."""
    left, found = set(stems), set()
    options = {item for word in stems for item in _by_word().get(word, ())}
    for phrase, concept in sorted(options, key=lambda item: (-len(item[0]), item[1])):
        if phrase <= left:
            left -= phrase
            found.add(concept)
    return frozenset(left | found)


def names_property(stems: frozenset[str]) -> bool:
    """Whether some words are, all together, one of the phrases that name a property."""
    return any(stems == phrase for word in stems for phrase, _ in _by_word().get(word, ()))


@lru_cache(maxsize=4096)
def spellings(stems: frozenset[str]) -> frozenset[str]:
    """All words by which the properties named by some words may be called: what to look for in a sentence."""
    held = concepts(stems)
    return stems | {
        word for phrase, concept in _concepts() if concept in held for word in phrase if word not in LIGHT and word not in STOP
    }


def held_by(word: str, among: frozenset[str]) -> frozenset[str]:
    """What became of a word of a key among its concepts: the word itself, or the properties of whose names it was a part."""
    if word in among:
        return frozenset((word,))
    return frozenset(concept for phrase, concept in _by_word().get(word, ()) if concept in among)


def weight(word: str) -> float:
    """How much a word of a key says about what the key means."""
    return 0.2 if word.isdigit() else LIGHT.get(word, 1.0)
