"""What programs ask over HTTP."""

from mailwright.api.health import create as create
from mailwright.api.serve import Served as Served
from mailwright.api.serve import serve as serve
