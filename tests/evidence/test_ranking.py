"""Words and BM25."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from research.evidence.ranking import Bm25, words


def test_words_fold_case_accents_and_endings() -> None:
    assert words("Launched: the Élysée's MISSIONS") == words("launch the elysee s mission")


def test_unspaced_scripts_are_cut_into_characters() -> None:
    assert words("羊肉 box") == ["羊", "肉", "box"]


def test_the_text_that_holds_the_rarer_words_ranks_first() -> None:
    index = Bm25(["the probe was launched in 1977", "the probe returned", "a probe and the probe and the probe"])
    scores = index.scores("when was the probe launched")
    assert max(range(3), key=scores.__getitem__) == 0
    assert index.scores("unknown words") == [0.0, 0.0, 0.0]


def test_nothing_to_rank_is_no_error() -> None:
    assert Bm25([]).scores("anything") == []
    assert Bm25([""]).scores("anything") == [0.0]


@given(st.lists(st.text(max_size=40), max_size=5), st.text(max_size=20))
def test_there_is_one_score_a_text_and_none_is_negative(texts: list[str], query: str) -> None:
    scores = Bm25(texts).scores(query)
    assert len(scores) == len(texts)
    assert all(score >= 0 for score in scores)
