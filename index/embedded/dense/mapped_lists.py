"""Inverted lists of FAISS in a memory-mapped file, which all processes that search them share.

FAISS maps lists through `OnDiskInvertedLists`: the codes of a list, then its ids. A fast-scan index reads the codes in blocks of
several vectors, so a list has room for whole blocks. The directory of the lists is saved with the index, in another file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np


def save_index(index: Any, index_file: Path, lists_file: Path) -> None:
    """Write a fast-scan index in two files; it keeps its lists in memory."""
    blocks = faiss.downcast_InvertedLists(index.invlists)
    directory = _write_lists(blocks, lists_file)
    index.own_invlists = False  # or its lists would be freed when others take their place
    index.replace_invlists(directory, False)
    try:
        faiss.write_index(index, str(index_file))
    finally:
        index.replace_invlists(blocks, True)


def load_index(index_file: Path, lists_file: Path) -> Any:
    """Read an index and map its lists; those of an earlier version are in `index_file` and read into memory."""
    index: Any = faiss.read_index(str(index_file), faiss.IO_FLAG_READ_ONLY | faiss.IO_FLAG_SKIP_IVF_DATA)
    lists = faiss.downcast_InvertedLists(index.invlists)
    if isinstance(lists, faiss.OnDiskInvertedLists):
        lists.filename = str(lists_file)
        lists.prefetch_nthread = 0  # starting threads to read ahead took 8 ms a search
        lists.do_mmap()
    return index


def _write_lists(blocks: Any, file: Path) -> Any:
    """Write the lists; the directory without the file's name, which `load_index` knows."""
    code_size = blocks.block_size // blocks.n_per_block
    directory: Any = faiss.OnDiskInvertedLists(blocks.nlist, code_size, "")
    directory.lists.clear()
    with file.open("wb") as writing:
        for number in range(blocks.nlist):
            entry = faiss.OnDiskOneList()
            entry.size = blocks.list_size(number)
            entry.capacity = -(-entry.size // blocks.n_per_block) * blocks.n_per_block
            entry.offset = writing.tell()
            directory.lists.push_back(entry)
            if entry.size:
                ids = np.zeros(entry.capacity, np.int64)
                ids[: entry.size] = faiss.rev_swig_ptr(blocks.get_ids(number), entry.size)
                writing.write(faiss.rev_swig_ptr(blocks.get_codes(number), entry.capacity * code_size).tobytes())
                writing.write(ids.tobytes())
        directory.totsize = writing.tell()
    return directory
