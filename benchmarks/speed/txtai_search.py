"""txtai's hybrid search with the same weights, a peer of the serving benchmark.

    python txtai_search.py CORPUS.jsonl MODEL_FOLDER   # prints the indexing rate; then reads JSON lists of questions, writes milliseconds

It runs in its own environment (see serving.py) and imports nothing from this project.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from txtai import Embeddings

documents = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
embeddings = Embeddings(path=sys.argv[2], hybrid=True, content=True)
began = time.perf_counter()
embeddings.index((document["id"], f"{document['title']}\n{document['text']}", None) for document in documents)
print(json.dumps({"passages_per_second": round(len(documents) / (time.perf_counter() - began), 1)}), flush=True)
for line in sys.stdin:
    times = []
    for question in json.loads(line):
        began = time.perf_counter()
        embeddings.search(question, 5)
        times.append((time.perf_counter() - began) * 1000)
    status = dict(entry.split(":", 1) for entry in Path("/proc/self/status").read_text().splitlines())
    print(json.dumps({"times": times, "resident_mb": round(int(status["VmRSS"].split()[0]) / 1024, 1)}), flush=True)
