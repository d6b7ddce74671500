"""Baseline of the serving benchmark: Flask, sentence-transformers and a flat FAISS index.

    python baseline.py CORPUS.jsonl MODEL_FOLDER       # serves GET /search?q=… on a free port and prints it

It runs in its own environment (see serving.py) and imports nothing from this project. CORPUS has one JSON object per line: `id`,
`title`, `text`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import faiss
from flask import Flask, jsonify, request
from sentence_transformers import SentenceTransformer
from werkzeug.serving import make_server

documents = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
model = SentenceTransformer(sys.argv[2], device="cpu")
index = faiss.IndexFlatIP(model.get_embedding_dimension())
texts = [f"{document['title']}\n{document['text']}" for document in documents]
index.add(model.encode(texts, normalize_embeddings=True, show_progress_bar=False))
app = Flask(__name__)


@app.get("/search")
def search():
    vector = model.encode([request.args["q"]], normalize_embeddings=True, show_progress_bar=False)
    scores, places = index.search(vector, 5)
    found = [{**documents[place], "score": float(score)} for score, place in zip(scores[0], places[0], strict=True)]
    return jsonify({"query": request.args["q"], "results": found})


server = make_server("127.0.0.1", 0, app, threaded=True)
print(f"Serving on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
