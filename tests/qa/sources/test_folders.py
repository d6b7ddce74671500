"""Runs over a folder: its documents follow its files; a folder that is not there removes nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.qa.sources.service import SmallService


def test_follows_the_files_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "below").mkdir(parents=True)
    (folder / "a.txt").write_text("The wizard studies.")
    (folder / "below" / "b.txt").write_text("A passport costs pounds.")
    service = SmallService(tmp_path, 1, str(folder), collection="press")
    assert service.run().outcomes == {"added": 2}
    assert service.run().outcomes == {"unchanged": 2}
    (folder / "a.txt").write_text("The wizard sleeps.")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    last = service.run()
    assert (last.outcomes, last.failed) == ({"replaced": 1, "unchanged": 1}, 1)
    assert last.failures[0]["page"] == str(folder / "broken.pdf")
    assert service.writer.engine.jobs.failed() == 0  # a file that stays where it is needs no parking
    (folder / "broken.pdf").unlink()
    (folder / "below" / "b.txt").unlink()
    for missing in (2, 2, 0):
        assert set(service.documents()) == {"a.txt", "b.txt"}
        assert service.run().missing == missing
    assert service.documents() == {"a.txt": "The wizard sleeps."}
    os.rename(folder, tmp_path / "elsewhere")
    for _ in range(4):
        assert "is not there" in str(service.run().error)
    assert set(service.documents()) == {"a.txt"}
    shutil.move(tmp_path / "elsewhere", folder)
    assert service.run().outcomes == {"unchanged": 1}
    service.writer.close()
