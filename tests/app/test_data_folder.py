"""A restore of DATA_DIR happens whole or not at all, wherever it is cut off; and nobody else is there meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import data_folder
from app.settings import SettingsFault


class Cut(BaseException):
    """The process ends here."""


def fill(folder: Path, word: str) -> None:
    (folder / "files").mkdir(parents=True)
    for name in ("records.db", "cursor-secret", "files/index.db"):
        (folder / name).write_text(word)


def words(folder: Path) -> set[str]:
    return {(folder / name).read_text() for name in ("records.db", "cursor-secret", "files/index.db")}


def cut_off_at(step: int, patch: pytest.MonkeyPatch, do: Callable[[], None]) -> bool:
    """Whether `do` came to its end before it had changed so many names."""
    left = step

    def counted(name: str) -> Any:
        original = getattr(Path, name)

        def changed(self: Path, *given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Cut
            return original(self, *given, **named)

        return changed

    with patch.context() as within:
        for name in ("rename", "unlink", "mkdir", "hardlink_to"):
            within.setattr(Path, name, counted(name))
        try:
            do()
        except Cut:
            return False
    return True


def restored(folder: Path) -> None:
    fill(data_folder.begin(folder), "new")
    data_folder.commit(folder)


def test_a_restore_that_is_cut_off_at_any_step_is_ended_or_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = []
    for step in range(100):
        folder = tmp_path / str(step)
        fill(folder, "old")
        (folder / "records.db-wal").write_text("a log of the old database")
        ended = cut_off_at(step, monkeypatch, lambda folder=folder: restored(folder))  # type: ignore[misc]
        with data_folder.used(folder):
            assert not (folder / ".restore").exists()
            (word,) = words(folder)
            assert (folder / "records.db-wal").exists() == (word == "old")
        outcomes.append(word)
        if ended:
            break
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {"old", "new"}


def test_a_restore_waits_for_nobody_and_lets_nobody_in(tmp_path: Path) -> None:
    with (
        data_folder.used(tmp_path),
        data_folder.used(tmp_path),
        pytest.raises(SettingsFault, match="end that first"),
        data_folder.alone(tmp_path),
    ):
        pass
    with (
        data_folder.alone(tmp_path),
        pytest.raises(SettingsFault, match="being restored"),
        data_folder.used(tmp_path),
    ):
        pass
    with data_folder.used(tmp_path):
        pass
