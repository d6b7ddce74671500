"""The packed examples as tensors on a device, and batches of them in random order."""

from __future__ import annotations

import hashlib
import io
import lzma
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.reader.training.network import Batch

# In the order of their numbers in the file. Those whose names begin with "validation" do not train.
SETS = ("generic", "own", "validation own", "validation squad2", "validation squad11")

Arrays = dict[str, np.ndarray[Any, Any]]


def read_pack(path: Path) -> Arrays:
    with np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) as found:
        return {name: found[name] for name in found.files}


def read_weights(path: Path, words: int = 30522) -> dict[str, Tensor]:
    """Float32 weights that `benchmarks.reader.pack` packed. Words that it left out are zero."""
    packed = read_pack(path)
    used = packed.pop("used").astype(np.int64)
    found = {}
    for name, array in packed.items():
        stem, _, kind = name.partition(" ")
        if kind == "8":
            array = array.astype(np.float32) * packed[f"{stem} scale"].astype(np.float32)
        if "word_embeddings" in stem and kind == "8":
            rows = array
            array = np.zeros((words, rows.shape[1]), np.float32)
            array[used] = rows
        if kind != "scale":
            found[stem] = torch.from_numpy(array.astype(np.float32))
    return found


class Examples:
    """Windows of questions, as `benchmarks.reader.pack` packed them."""

    def __init__(self, path: Path, device: str) -> None:
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        arrays = read_pack(path)
        self.set, self.group = arrays["set"], arrays["group"]
        self.length = arrays["length"].astype(np.int64)
        count = arrays["unit_count"].astype(np.int64)
        self.units_of = count
        wide = {"ids": _padded(arrays["ids"].astype(np.int32), self.length)}
        wide["units"] = _padded(arrays["units"].reshape(-1, 2), count)
        wide["right"] = _padded(arrays["right"].astype(bool), count)
        wide |= {name: arrays[name] for name in ("length", "question", "first")}
        wide["span"] = np.where(arrays["span"] == 255, -1, arrays["span"].astype(np.int16)).reshape(-1, 2)
        self.tensors = {name: torch.from_numpy(array).to(device) for name, array in wide.items()}
        self.device = device

    def groups(self, name: str) -> list[np.ndarray[Any, Any]]:
        """The places of the windows of each question of a set."""
        places = np.flatnonzero(self.set == SETS.index(name))
        if not len(places):
            return []
        places = places[np.argsort(self.group[places], kind="stable")]
        return np.split(places, np.flatnonzero(np.diff(self.group[places])) + 1)

    def batch(self, places: np.ndarray[Any, Any]) -> Batch:
        """The windows at these places, those of a question together."""
        at = torch.from_numpy(places).to(self.device)
        longest, units = int(self.length[places].max()), int(self.units_of[places].max())
        longest = min(-(-longest // 8) * 8, self.tensors["ids"].shape[1])  # what a GPU's kernels like
        taken = {name: tensor[at] for name, tensor in self.tensors.items()}
        columns = torch.arange(longest, device=self.device)
        mask = columns < taken["length"].long()[:, None]
        question = taken["question"].long()[:, None]
        text = mask & (columns >= taken["first"].long()[:, None])
        # The last token of a window is [SEP].
        text &= columns < taken["length"].long()[:, None] - 1
        text[:, 0] = True
        right = taken["right"][:, :units]
        _, group = np.unique(self.group[places], return_inverse=True)
        return Batch(
            ids=taken["ids"][:, :longest].long(),
            types=((columns >= question) & mask).long(),
            mask=mask,
            text=text,
            units=taken["units"][:, :units].long(),
            right=torch.cat([~right.any(1, keepdim=True), right], 1),
            span=taken["span"].long(),
            group=torch.from_numpy(group).to(self.device),
        )

    def batches(self, shares: Mapping[str, float], tokens: int, draw: np.random.Generator) -> Iterator[np.ndarray[Any, Any]]:
        """The batches of one epoch, which takes a share of each set's questions. A batch has at most `tokens` tokens, padding included."""
        chosen: list[np.ndarray[Any, Any]] = []
        for name, share in shares.items():
            groups = self.groups(name)
            chosen += [groups[place] for place in draw.permutation(len(groups))[: round(share * len(groups))]]
        order = draw.permutation(len(chosen))
        found: list[np.ndarray[Any, Any]] = []
        for begin in range(0, len(order), 4000):  # of similar length among these
            near = sorted((chosen[place] for place in order[begin : begin + 4000]), key=lambda group: self.length[group].max())
            batch: list[np.ndarray[Any, Any]] = []
            size, longest = 0, 0
            for group in near:
                longest_now = max(longest, int(self.length[group].max()))
                if batch and (size + len(group)) * longest_now > tokens:
                    found.append(np.concatenate(batch))
                    batch, size, longest_now = [], 0, int(self.length[group].max())
                batch.append(group)
                size, longest = size + len(group), longest_now
            if batch:
                found.append(np.concatenate(batch))
        yield from (found[place] for place in draw.permutation(len(found)))


def _padded(values: np.ndarray[Any, Any], counts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows of as many values as `counts` says, padded with zeros."""
    inside = np.arange(int(counts.max())) < counts[:, None]
    rows = np.zeros((*inside.shape, *values.shape[1:]), values.dtype)
    rows[inside] = values
    return rows
