"""Which secrets of DATA_DIR go with a backup: without them sessions, links or faces would be lost."""

from app.auth.local_issuer import KEY_FILE as ISSUER_KEY_FILE
from app.engines import FILES_SECRET_FILE
from app.face_engines import FACE_SECRET_FILE
from app.product import CURSOR_SECRET_FILE
from app.ways_out import PUSH_KEY_FILE

KEY_FILES = (CURSOR_SECRET_FILE, FACE_SECRET_FILE, FILES_SECRET_FILE, ISSUER_KEY_FILE, PUSH_KEY_FILE)
