"""Replies that were given, for questions that are asked again while nothing has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from qa.chat.replies import Reply

REPLIES_KEPT = 1_000


class ReplyCache:
    """The replies used last, in memory. Safe from several threads. A key names everything that a reply depends on."""

    def __init__(self, most: int = REPLIES_KEPT) -> None:
        self._most = most
        self._replies: OrderedDict[Hashable, Reply] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Reply | None:
        with self._lock:
            if key in self._replies:
                self._replies.move_to_end(key)
            return self._replies.get(key)

    def put(self, key: Hashable, reply: Reply) -> None:
        with self._lock:
            self._replies[key] = reply
            self._replies.move_to_end(key)
            if len(self._replies) > self._most:
                self._replies.popitem(last=False)
