"""Links to playlists: who has one may play, all of one media and nothing else, for a while."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from datasources.blobs import BlobStore
from datasources.playback import PATH, NoSuchLink, Playback

SECRET = b"a secret of the tests"
FOLDER = "media/ada/m1/"
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\nv0/index.m3u8\n"
PLAYLIST = "#EXTM3U\n#EXTINF:6.0,\nsegment-00000.ts\n#EXT-X-ENDLIST\n"


@dataclass
class Clock:
    seconds: float = 2_000_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def playback(blobs: BlobStore, clock: Clock) -> Playback:
    for folder in (FOLDER, "media/ada/m2/"):
        await blobs.store(f"{folder}hls/master.m3u8", MASTER.encode(), content_type="application/vnd.apple.mpegurl")
        await blobs.store(f"{folder}hls/v0/index.m3u8", PLAYLIST.encode(), content_type="application/vnd.apple.mpegurl")
    await blobs.store(f"{FOLDER}original", b"the whole file", content_type="video/mp4")
    return Playback(blobs, SECRET, "https://school.example", clock)


def token_of(url: str) -> str:
    assert url.startswith(f"https://school.example{PATH}")
    return url.removeprefix(f"https://school.example{PATH}").split("/")[0]


async def test_a_link_leads_to_the_playlist_of_playlists(playback: Playback) -> None:
    url = playback.url(FOLDER, "hls/master.m3u8", seconds=3600)
    assert url.endswith("/hls/master.m3u8")
    assert (await playback.playlist(token_of(url), "hls/master.m3u8")).decode() == MASTER


async def test_segments_have_urls_of_their_own(playback: Playback) -> None:
    token = token_of(playback.url(FOLDER, "hls/master.m3u8", seconds=3600))
    lines = (await playback.playlist(token, "hls/v0/index.m3u8")).decode().splitlines()
    assert lines[:2] == ["#EXTM3U", "#EXTINF:6.0,"]
    assert lines[2].startswith("http")
    assert "media/ada/m1/hls/v0/segment-00000.ts?" in lines[2]
    assert lines[3] == "#EXT-X-ENDLIST"


async def test_a_link_ends(playback: Playback, clock: Clock) -> None:
    token = token_of(playback.url(FOLDER, "hls/master.m3u8", seconds=3600))
    clock.seconds += 3599
    await playback.playlist(token, "hls/master.m3u8")
    clock.seconds += 1
    with pytest.raises(NoSuchLink):
        await playback.playlist(token, "hls/master.m3u8")


@pytest.mark.parametrize(
    "name",
    [
        "original",
        "hls/v0/segment-00000.ts",
        "../m2/hls/master.m3u8",
        "hls/../../m2/hls/master.m3u8",
        "/media/ada/m2/hls/master.m3u8",
        "hls/none.m3u8",
        "hls/%2e%2e/master.m3u8",
        "hls/master.m3u8\0",
        "a/" * 500 + "a.m3u8",
        "",
    ],
)
async def test_it_leads_to_nothing_but_the_medias_playlists(playback: Playback, name: str) -> None:
    token = token_of(playback.url(FOLDER, "hls/master.m3u8", seconds=3600))
    with pytest.raises(NoSuchLink):
        await playback.playlist(token, name)


@pytest.mark.parametrize(
    "alter",
    [
        lambda token: "",
        lambda token: token[:-1],
        lambda token: ("B" if token[0] == "A" else "A") + token[1:],
        lambda token: token[:60] + ("B" if token[60] == "A" else "A") + token[61:],
        lambda token: "é" * 40,
        lambda token: "A" * 5_000,
    ],
    ids=["none", "cut", "altered signature", "altered leave", "no base64", "long"],
)
async def test_nobody_makes_a_link_but_the_server(playback: Playback, alter: Callable[[str], str]) -> None:
    token = token_of(playback.url(FOLDER, "hls/master.m3u8", seconds=3600))
    with pytest.raises(NoSuchLink):
        await playback.playlist(alter(token), "hls/master.m3u8")


async def test_a_link_of_another_deployment_leads_nowhere(playback: Playback, blobs: BlobStore, clock: Clock) -> None:
    other = Playback(blobs, b"another secret", "https://school.example", clock)
    with pytest.raises(NoSuchLink):
        await playback.playlist(token_of(other.url(FOLDER, "hls/master.m3u8", seconds=60)), "hls/master.m3u8")
