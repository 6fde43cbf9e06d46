"""The page that follows on asking for a link by e-mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.email import send_confirmation_email
from mail.mailer import mailbox_folder
from settings import settings
from web.pages import page
from web.workers import nobody_serves

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.responses import Response


def sent_page(request: Request, template: str) -> Response:
    """Say where the e-mail is in the demo, if no mail server has it, and whether it waits."""
    is_demo = request.app.state.offers_demo and settings.smtp_url is None
    return page(
        request,
        template,
        mailbox=mailbox_folder() if is_demo else None,
        is_unserved=nobody_serves(send_confirmation_email.queue_name),
    )
