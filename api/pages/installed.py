"""The program as an app on a phone: its manifest, the worker that keeps what is needed without a network."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse, JSONResponse

from api.language import gettext
from api.rendering import STATIC, page, static

router = APIRouter()

ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable.png", "512x512", "maskable"),
)


@router.get("/manifest.webmanifest")
def manifest() -> Response:
    """What a phone asks for before it installs the program."""
    return JSONResponse(
        {
            "name": gettext("Yongjin"),
            "short_name": gettext("Yongjin"),
            "description": gettext("Commissions of technology managers"),
            "id": "/",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f4f5f7",
            "theme_color": "#ffffff",
            "icons": [
                {"src": static(name), "sizes": sizes, "type": "image/png", "purpose": purpose}
                for name, sizes, purpose in ICONS
            ],
            "shortcuts": [
                {"name": gettext("Log a need"), "url": "/needs/new"},
                {"name": gettext("Log a milestone"), "url": "/milestones/new"},
            ],
        },
        media_type="application/manifest+json",
        headers={"Cache-Control": "no-cache"},
    )


@router.get("/worker.js")
def worker() -> Response:
    """The service worker; it stands at the root because it may act below its own address only."""
    return FileResponse(
        STATIC / "worker.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"}
    )


@router.get("/offline")
def offline(request: Request) -> Response:
    """What is shown where the network is gone: the worker keeps it, so it says nothing of anybody."""
    request.state.viewer = None
    return page(request, "offline/offline.html")
