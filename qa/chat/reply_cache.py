"""Replies that were given, for questions that are asked again while nothing has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from qa.chat.replies import Reply

REPLIES_KEPT = 256


class ReplyCache:
    """The replies used last, in memory. Safe from several threads. A key names everything that a reply depends on.

    `hits`, `misses`: how often a reply was there and how often not.
    """

    def __init__(self, most: int = REPLIES_KEPT) -> None:
        self._most = most
        self._replies: OrderedDict[Hashable, Reply] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def get(self, key: Hashable) -> Reply | None:
        with self._lock:
            if key not in self._replies:
                self.misses += 1
                return None
            self.hits += 1
            self._replies.move_to_end(key)
            return self._replies[key]

    def put(self, key: Hashable, reply: Reply) -> None:
        with self._lock:
            self._replies[key] = reply
            self._replies.move_to_end(key)
            if len(self._replies) > self._most:
                self._replies.popitem(last=False)
