"""What MediaConvert shall make of a file: a job's settings as data."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from datasources.video_ladder import SEGMENT_SECONDS, SOUND_KBPS, Rung, ladder

_STILL_SECONDS = 5

Settings = Mapping[str, Any]


class Source(NamedTuple):
    """A file in a bucket; `picture` is its width and height in pixels, None where there is only sound."""

    url: str
    picture: tuple[int, int] | None = None


def job_settings(source: Source, folder: str) -> Settings:
    """
    Args:
        folder: `s3://` URL that what is made begins with, a slash at the end.
    """
    read = {
        "FileInput": source.url,
        "TimecodeSource": "ZEROBASED",
        "AudioSelectors": {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}},
    }
    groups = [_playlists(source, folder)]
    if source.picture:
        read["VideoSelector"] = {"Rotate": "AUTO"}
        groups.append(_stills(folder))
    return {"Inputs": [read], "OutputGroups": groups}


def _playlists(source: Source, folder: str) -> Settings:
    return {
        "Name": "playlists",
        "OutputGroupSettings": {
            "Type": "HLS_GROUP_SETTINGS",
            "HlsGroupSettings": {
                "Destination": f"{folder}hls/master",
                "SegmentLength": SEGMENT_SECONDS,
                "MinSegmentLength": 0,
                "SegmentControl": "SEGMENTED_FILES",
                "DirectoryStructure": "SINGLE_DIRECTORY",
                "ManifestDurationFormat": "FLOATING_POINT",
            },
        },
        "Outputs": list(map(_quality, ladder(*source.picture))) if source.picture else [_sound_only()],
    }


def _quality(rung: Rung) -> Settings:
    return {
        "NameModifier": f"_{rung.side}p",
        "ContainerSettings": {"Container": "M3U8"},
        "VideoDescription": {
            "Width": rung.width,
            "Height": rung.height,
            "CodecSettings": {
                "Codec": "H_264",
                "H264Settings": {
                    "RateControlMode": "QVBR",
                    "MaxBitrate": rung.kbps * 1000,
                    "QvbrSettings": {"QvbrQualityLevel": 7},
                    "SceneChangeDetect": "DISABLED",
                    "GopSize": SEGMENT_SECONDS / 2,
                    "GopSizeUnits": "SECONDS",
                    "CodecProfile": "MAIN",
                },
            },
        },
        "AudioDescriptions": [_sound()],
    }


def _sound_only() -> Settings:
    return {
        "NameModifier": "_sound",
        "ContainerSettings": {"Container": "M3U8"},
        "AudioDescriptions": [_sound()],
    }


def _sound() -> Settings:
    coding = {"Bitrate": SOUND_KBPS * 1000, "CodingMode": "CODING_MODE_2_0", "SampleRate": 48_000}
    return {
        "AudioSourceName": "Audio Selector 1",
        "CodecSettings": {"Codec": "AAC", "AacSettings": coding},
    }


def _stills(folder: str) -> Settings:
    return {
        "Name": "stills",
        "OutputGroupSettings": {
            "Type": "FILE_GROUP_SETTINGS",
            "FileGroupSettings": {"Destination": f"{folder}stills/still"},
        },
        "Outputs": [
            {
                "ContainerSettings": {"Container": "RAW"},
                "VideoDescription": {
                    "CodecSettings": {
                        "Codec": "FRAME_CAPTURE",
                        "FrameCaptureSettings": {
                            "FramerateNumerator": 1,
                            "FramerateDenominator": _STILL_SECONDS,
                            "MaxCaptures": 2,
                            "Quality": 80,
                        },
                    },
                },
            }
        ],
    }
