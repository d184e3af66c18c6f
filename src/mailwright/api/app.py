"""The web application: the frame, the routes of every resource, and the health endpoints."""

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from mailwright import __version__
from mailwright.api import accounts, domains, emails, events, health, keys, logs, queue, suppressions, transports, webhooks
from mailwright.api.caller import Doorkeeper
from mailwright.api.docs import documented
from mailwright.api.errors import tell_errors
from mailwright.api.frame import Frame
from mailwright.api.quick import Express
from mailwright.api.services import Services

RESOURCES: tuple[APIRouter, ...] = (  # one file a resource; its router is named here
    emails.quick,
    emails.router,
    keys.router,
    domains.router,
    transports.router,
    queue.router,
    suppressions.router,
    webhooks.router,
    events.router,
    logs.router,
    accounts.router,
)


def create(services: Services) -> FastAPI:
    """The application over the services of a house; /healthz, /readyz and /metrics are open, the rest wants a key."""
    app = health.create(services.ready, services.metrics.text, __version__)
    app.state.services, app.state.doorkeeper = services, Doorkeeper(services)
    tell_errors(app)
    app.user_middleware.append(Middleware(Frame, services=services))  # within the safe headers: its own answers have them too
    app.user_middleware.append(Middleware(Express, router=emails.quick))
    for router in RESOURCES:
        app.include_router(router)
    app.include_router(documented(app, __version__))
    return app
