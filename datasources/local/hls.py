"""Adaptive playlists by the ffmpeg program: some qualities of one video or sound, cut into segments.

Runs in a process of its own, whose bounds ffmpeg inherits.
"""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from datasources.local.media_inspection import DEMUXERS, Facts
from datasources.local.media_messages import MASTER_PLAYLIST
from datasources.video_ladder import SEGMENT_SECONDS, SOUND_KBPS, Rung, ladder


class Untranscodable(Exception):
    """ffmpeg gave up on the file."""


def transcode(
    ffmpeg: str,
    source: Path,
    content_type: str,
    facts: Facts,
    folder: Path,
    *,
    threads: int,
    report: Callable[[float], None],
) -> tuple[Rung, ...]:
    """Writes `MASTER_PLAYLIST` and all that it names into the folder; its sizes, none for sound alone.

    Args:
        report: takes percents, rising.

    Raises:
        Untranscodable.
    """
    rungs = () if facts.width is None or facts.height is None else ladder(facts.width, facts.height)
    for number in range(max(1, len(rungs))):
        (folder / "hls" / f"v{number}").mkdir(parents=True)
    reading = ["-threads", str(threads), "-f", DEMUXERS[content_type], "-i", str(source)]
    what = _picture(rungs, facts.has_sound, threads) if rungs else _sound_only()
    command = [ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-progress", "pipe:1"]
    command += ["-protocol_whitelist", "file,pipe", *reading, *what, *_playlists(folder / MASTER_PLAYLIST)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - the program that the settings name, and arguments of our own making
        _follow(process.stdout or (), facts.seconds, report)
    if process.returncode:
        raise Untranscodable(f"ffmpeg ended with {process.returncode}")
    return rungs


def _picture(rungs: Sequence[Rung], has_sound: bool, threads: int) -> list[str]:
    names = [f"[s{number}]" for number in range(len(rungs))]
    scaled = [f"{name}scale={rung.width}:{rung.height},setsar=1[v{number}]"
              for number, (name, rung) in enumerate(zip(names, rungs, strict=True))]  # fmt: skip
    graph = f"[0:v:0]split={len(rungs)}{''.join(names)};" + ";".join(scaled)
    options = ["-filter_complex", graph, "-map_metadata", "-1", "-map_chapters", "-1"]
    for number, rung in enumerate(rungs):
        rate, buffer = f"{rung.kbps}k", f"{2 * rung.kbps}k"
        options += ["-map", f"[v{number}]", f"-maxrate:v:{number}", rate, f"-bufsize:v:{number}", buffer]
    if has_sound:
        options += [part for _ in rungs for part in ("-map", "0:a:0")]
    variants = [f"v:{n},a:{n}" if has_sound else f"v:{n}" for n in range(len(rungs))]
    # Segments of all qualities begin at the same moments, so that players change between them.
    keyframes = f"expr:gte(t,n_forced*{SEGMENT_SECONDS})"
    return [
        *options,
        *("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-pix_fmt", "yuv420p", "-crf", "23"),
        *("-force_key_frames", keyframes, "-sc_threshold", "0", "-threads", str(threads)),
        *("-c:a", "aac", "-b:a", f"{SOUND_KBPS}k", "-ac", "2", "-ar", "48000"),
        *("-var_stream_map", " ".join(variants)),
    ]


def _sound_only() -> list[str]:
    return [
        *("-map", "0:a:0", "-map_metadata", "-1", "-c:a", "aac", "-b:a", f"{SOUND_KBPS}k", "-ac", "2"),
        *("-ar", "48000", "-var_stream_map", "a:0"),
    ]


def _playlists(master: Path) -> list[str]:
    folder = master.parent
    return [
        *("-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_playlist_type", "vod"),
        *("-hls_segment_filename", str(folder / "v%v" / "segment-%05d.ts"), "-master_pl_name", master.name),
        str(folder / "v%v" / "index.m3u8"),
    ]


def _follow(lines: Iterable[str], seconds: float, report: Callable[[float], None]) -> None:
    for line in lines:
        name, _, value = line.strip().partition("=")
        if name == "out_time_us" and value.lstrip("-").isdigit():
            report(min(100.0, max(0.0, int(value) / 1e4 / seconds)))
