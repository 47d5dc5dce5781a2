"""Playlists over HTTP: players and pages get them by a link, and the log keeps no link."""

import time

import pytest

from datasources.local.files import FileStore
from datasources.playback import CONTENT_TYPE, Playback
from tests.app.http.conftest import Serve
from tests.blob_stores import FilesSite

FOLDER = "media/ada/m1/"
PLAYLIST = b"#EXTM3U\n#EXTINF:6.0,\nsegment-00000.ts\n#EXT-X-ENDLIST\n"


@pytest.fixture
async def files(files_site: FilesSite) -> FileStore:
    await files_site.store.store(f"{FOLDER}hls/master.m3u8", PLAYLIST, content_type=CONTENT_TYPE)
    return files_site.store


@pytest.fixture
def playback(files: FileStore) -> Playback:
    return Playback(files, b"a secret of the tests", "", time.time)


async def test_any_page_may_play_what_it_has_a_link_to(serve: Serve, playback: Playback) -> None:
    link = playback.url(FOLDER, "hls/master.m3u8", seconds=60)
    async with serve(playback=playback) as site:
        answer = await site.client.get(link, headers={"origin": "https://anywhere.example"})
        assert (answer.status, answer.content_type) == (200, CONTENT_TYPE)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert f"/files/{FOLDER}hls/segment-00000.ts?" in await answer.text()
        head = await site.client.head(link)
        assert (head.status, await head.read()) == (200, b"")


@pytest.mark.parametrize("path", ["", "x/hls/master.m3u8", "x" * 3000 + "/a.m3u8", "%00/%ff.m3u8"])
async def test_a_link_of_ones_own_making_leads_nowhere(serve: Serve, playback: Playback, path: str) -> None:
    async with serve(playback=playback) as site:
        answer = await site.client.get(f"/playback/{path}")
        assert answer.status in (400, 404)


async def test_the_log_keeps_no_link(serve: Serve, playback: Playback) -> None:
    async with serve(playback=playback) as site:
        await site.client.get(playback.url(FOLDER, "hls/master.m3u8", seconds=60))
        assert [line["path"] for line in site.lines if line["message"] == "request"] == ["/playback/"]
