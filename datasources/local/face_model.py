"""Finding a face, judging it and describing it in 128 numbers, with dlib. Runs in a worker process."""

import hashlib
from importlib.resources import files
from typing import Any

import dlib
import numpy

from datasources.face_engine import Flaw, face_not_found, face_quality_low, multiple_faces
from datasources.local.face_picture import Pixels

MODELS = {
    "shape_predictor_5_face_landmarks.dat": "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    "dlib_face_recognition_resnet_model_v1.dat": "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
}
"""SHA-256 of the trained models. Others would give other numbers, so that nobody would be known again."""

CHIP = 150
"""Pixels of a side of the upright face that the model describes."""
_CHIP_PADDING = 0.25
_SHARPNESS_CHIP = 96
_LEAST_WIDTH = 60
_LEAST_BRIGHTNESS, _MOST_BRIGHTNESS = 30, 225
_LEAST_SHARPNESS = 0.01
_NOSE_BETWEEN_EYES = (0.2, 0.8)
_BORDER = 4
"""A border of a fourth of the longer side, for faces that touch the picture's edge."""
_LUMA = numpy.array([0.299, 0.587, 0.114])

_Grey = numpy.ndarray[Any, numpy.dtype[numpy.float64]]


class ModelFault(Exception):
    """A model is missing or is not the one that we know."""


class FaceModel:
    """dlib's frontal face detector, its 5-point landmarks and its recognition network. Loading takes a second.

    Raises:
        ModelFault: as it is made.
    """

    def __init__(self) -> None:
        landmarks, recognition = map(_checked, MODELS)
        self._find = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(landmarks)
        self._network = dlib.face_recognition_model_v1(recognition)

    def describe(self, picture: Pixels) -> bytes:
        """The one face of a picture as 128 numbers (float32): alike for alike faces.

        Raises:
            DomainError: FACE_NOT_FOUND, MULTIPLE_FACES, FACE_QUALITY_LOW.
        """
        canvas, found = self._faces(picture)
        if not found:
            raise face_not_found()
        if len(found) > 1:
            raise multiple_faces()
        points = self._landmarks(canvas, found[0])
        flaw = _flaw(canvas, found[0].width(), points)
        if flaw is not None:
            raise face_quality_low(flaw)
        chip = dlib.get_face_chip(canvas, points, CHIP, _CHIP_PADDING)
        return numpy.array(self._network.compute_face_descriptor(chip), dtype="<f4").tobytes()

    def _faces(self, picture: Pixels) -> tuple[Pixels, Any]:
        """The faces, and the picture in which they are: with a border and enlarged only if else there is none."""
        found = self._find(picture, 0)
        if found:
            return picture, found
        border = max(picture.shape) // _BORDER
        padded = numpy.pad(picture, ((border, border), (border, border), (0, 0)))
        return padded, self._find(padded, 0) or self._find(padded, 1)


def distance(one: bytes, other: bytes) -> float:
    """How far two descriptions are apart; below 0.6 they are mostly of one person."""
    return float(numpy.linalg.norm(numpy.frombuffer(one, "<f4") - numpy.frombuffer(other, "<f4")))


def _flaw(canvas: Pixels, width: int, points: Any) -> Flaw | None:
    chip = _grey(dlib.get_face_chip(canvas, points, _SHARPNESS_CHIP, _CHIP_PADDING))
    least, most = _NOSE_BETWEEN_EYES
    if width < _LEAST_WIDTH:
        return "TOO_SMALL"
    if chip.mean() < _LEAST_BRIGHTNESS:
        return "TOO_DARK"
    if chip.mean() > _MOST_BRIGHTNESS:
        return "TOO_BRIGHT"
    if _sharpness(chip) < _LEAST_SHARPNESS:
        return "BLURRED"
    if not least <= _nose(points) <= most:
        return "TURNED"
    return None


def _grey(chip: Pixels) -> _Grey:
    return numpy.asarray(chip @ _LUMA)


def _sharpness(grey: _Grey) -> float:
    """How much of the contrast is in fine detail, whatever the light: the variance of the Laplacian in that of all."""
    inner = grey[1:-1, 1:-1]
    laplacian = grey[1:-1, 2:] + grey[1:-1, :-2] + grey[2:, 1:-1] + grey[:-2, 1:-1] - 4 * inner
    return float(laplacian.var() / max(grey.var(), 1.0))


def _nose(points: Any) -> float:
    """Where the nose is on the line from eye to eye: 0.5 in a face that looks straight ahead."""
    corners = numpy.array([(point.x, point.y) for point in points.parts()], dtype=float)
    left, right, nose = corners[2:4].mean(axis=0), corners[0:2].mean(axis=0), corners[4]
    across = right - left
    return float(numpy.dot(nose - left, across) / max(numpy.dot(across, across), 1.0))


def _checked(name: str) -> str:
    """The model's path, once its content is known to be right."""
    try:
        path = files("face_recognition_models") / "models" / name
        content = path.read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        raise ModelFault(f"{name} is missing") from None
    if hashlib.sha256(content).hexdigest() != MODELS[name]:
        raise ModelFault(f"{name} is another one than expected")
    return str(path)
