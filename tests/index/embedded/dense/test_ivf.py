"""The approximate index on clustered vectors, as those of texts are: recall, filters, removals, saving and loading."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from index.embedded.dense.ivf import LISTS_FILE, ROWS_FILE, IvfDenseIndex
from index.embedded.dense.recall import DEPTH, STEP, TARGET
from index.types import Ids, Matrix
from tests.index.oracle import dense_hits

COUNT, DIMENSION, TOPICS = 20_000, 32, 200
K = 50
EARLIER = Path(__file__).parents[3] / "data" / "inverted-lists-in-memory"


def unit(rows: Matrix) -> Matrix:
    scaled: Matrix = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


@pytest.fixture(scope="module")
def vectors() -> Matrix:
    random = np.random.default_rng(5)
    topics = random.normal(size=(TOPICS, DIMENSION))
    return unit(topics[np.arange(COUNT) % TOPICS] + 0.7 * random.normal(size=(COUNT, DIMENSION)))


@pytest.fixture(scope="module")
def questions(vectors: Matrix) -> Matrix:
    """Other questions than those that tune the index."""
    random = np.random.default_rng(6)
    one, other, third = vectors[random.integers(0, COUNT, (3, 100))]
    return unit(one + STEP * (other - third))


IDS = np.arange(COUNT, dtype=np.int64) * 3 + 7


def built(folder: Path, vectors: Matrix) -> IvfDenseIndex:
    index = IvfDenseIndex(DIMENSION, folder)
    for first in range(0, COUNT, 3000):
        index.add(IDS[first : first + 3000], vectors[first : first + 3000])
    index.save(folder)
    return index


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inverted")


@pytest.fixture(scope="module", autouse=True)
def in_memory(saved: Path, vectors: Matrix) -> IvfDenseIndex:
    """The index as it was built, whose lists are in memory. It is saved in `saved`."""
    return built(saved, vectors)


def recall(index: IvfDenseIndex, vectors: Matrix, questions: Matrix, findable: Ids, allowed: Ids | None = None) -> float:
    """recall@DEPTH against exact search over the findable passages."""
    rows = np.searchsorted(IDS, findable)
    found = 0
    for question in questions:
        best = set(findable[np.argsort(-(vectors[rows] @ question))[:DEPTH]].tolist())
        found += len(best & {hit.passage_id for hit in dense_hits(index, question, K, allowed)[:DEPTH]})
    return found / (len(questions) * min(DEPTH, len(findable)))


def test_recall_reaches_its_target_at_build_and_on_other_questions(saved: Path, vectors: Matrix, questions: Matrix) -> None:
    index = IvfDenseIndex.load(saved)
    assert index.recall is not None
    assert index.recall.value >= TARGET
    assert recall(index, vectors, questions, IDS) >= TARGET


def test_nprobe_is_no_higher_than_needed(
    saved: Path, vectors: Matrix, questions: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = IvfDenseIndex.load(saved)
    assert index.recall is not None
    assert 1 < index.recall.nprobe < COUNT / 200
    monkeypatch.setattr("index.embedded.dense.ivf.MIN_PROBED", 1)
    lazy = IvfDenseIndex.load(saved)
    lazy.recall = type(index.recall)(0.0, 0, 1)
    assert recall(lazy, vectors, questions, IDS) < TARGET


def test_questions_unlike_the_passages_are_answered_as_well(saved: Path, vectors: Matrix) -> None:
    """Those that tune nprobe are like the passages."""
    others = unit(np.random.default_rng(7).normal(size=(100, DIMENSION)))
    index = IvfDenseIndex.load(saved)
    assert recall(index, vectors, others, IDS) >= TARGET


def test_scores_are_exact_cosines(saved: Path, vectors: Matrix, questions: Matrix) -> None:
    index = IvfDenseIndex.load(saved)
    for question in questions[:20]:
        for passage_id, score in dense_hits(index, question, K):
            assert score == pytest.approx(float(vectors[np.searchsorted(IDS, passage_id)] @ question), abs=1e-6)


@pytest.mark.parametrize(
    "allowed",
    [
        IDS[::2],
        IDS[::20],
        IDS[::1000],
        IDS[np.arange(COUNT) % TOPICS < 3],  # clustered, mostly far from the questions
        IDS[-15_000:],
        IDS[:5],
    ],
    ids=["half", "a twentieth", "a few", "three topics", "the newest", "less than asked for"],
)
def test_filtered_searches_reach_the_target_recall(saved: Path, vectors: Matrix, questions: Matrix, allowed: Ids) -> None:
    for few in (10_000, 0):  # with all allowed passages scored, and with the inverted lists
        index = IvfDenseIndex.load(saved, few)
        hits = dense_hits(index, questions[0], K, allowed)
        assert {hit.passage_id for hit in hits} <= set(allowed.tolist())
        assert len(hits) == min(K, len(allowed))
        assert recall(index, vectors, questions, allowed, allowed) >= TARGET


def test_removed_passages_make_room_for_the_next_best(saved: Path, vectors: Matrix, questions: Matrix) -> None:
    index = IvfDenseIndex.load(saved)
    best = [hit.passage_id for question in questions for hit in dense_hits(index, question, DEPTH)]
    gone = np.union1d(IDS[1::5], best)  # below a quarter, from where a segment is rebuilt
    index.remove(gone)
    left = np.setdiff1d(IDS, gone)
    assert len(index) == len(left)
    for question in questions:
        hits = dense_hits(index, question, K)
        assert len(hits) == K
        assert not {hit.passage_id for hit in hits} & set(gone.tolist())
    assert recall(index, vectors, questions, left) >= TARGET
    assert np.isnan(index.scores(questions[0], gone[:3])).all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's list of mapped files")
def test_lists_are_mapped_from_their_file(saved: Path, questions: Matrix) -> None:
    index = IvfDenseIndex.load(saved)
    assert len(dense_hits(index, questions[0], K)) == K
    assert str(saved / LISTS_FILE) in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("allowed", [None, IDS[:15_000]], ids=["all", "the oldest"])
def test_mapped_lists_give_the_results_of_those_in_memory(
    saved: Path, in_memory: IvfDenseIndex, questions: Matrix, allowed: Ids | None
) -> None:
    mapped = IvfDenseIndex.load(saved)
    for question in questions:
        assert dense_hits(mapped, question, K, allowed) == dense_hits(in_memory, question, K, allowed)


def test_index_of_an_earlier_version_is_read() -> None:
    """It has the lists in the same file as the rest."""
    index = IvfDenseIndex.load(EARLIER)
    vectors = np.fromfile(EARLIER / ROWS_FILE, np.float32).reshape(len(index), -1)
    for question in vectors:
        hits = dense_hits(index, question, K)
        exact = index.ids[np.argsort(-(vectors @ question), kind="stable")][:K]
        assert [hit.passage_id for hit in hits] == exact.tolist()


def test_build_is_deterministic(saved: Path, vectors: Matrix, tmp_path: Path) -> None:
    built(tmp_path, vectors)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (saved / path.name).read_bytes(), path.name


def test_loaded_index_is_read_only(saved: Path, vectors: Matrix) -> None:
    with pytest.raises(ValueError, match="build another"):
        IvfDenseIndex.load(saved).add(IDS[-1:] + 1, vectors[:1])
