from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from database.users import add_user, find_user, set_password, set_staff

if TYPE_CHECKING:
    import uuid

    from sqlalchemy.orm import Session


@pytest.fixture
def user_id(session: Session) -> uuid.UUID:
    added = add_user(session, email="Ada@Example.org", password_hash="…")
    assert added is not None
    return added


@pytest.mark.usefixtures("user_id")
def test_an_address_belongs_to_one_user_however_it_is_written(session: Session) -> None:
    assert add_user(session, email="ada@example.ORG", password_hash="…") is None


def test_a_user_is_found_by_the_address_however_it_is_written(
    session: Session, user_id: uuid.UUID
) -> None:
    found = find_user(session, "ADA@example.org")
    assert found is not None
    assert found.id == user_id
    assert find_user(session, "eve@example.org") is None


@pytest.mark.usefixtures("user_id")
def test_nobody_is_staff_until_made_so(session: Session) -> None:
    def is_staff() -> bool:
        session.expire_all()
        found = find_user(session, "ada@example.org")
        return found is not None and found.is_staff

    assert not is_staff()
    assert set_staff(session, "Ada@example.org", is_staff=True)
    assert is_staff()
    assert set_staff(session, "ada@example.org", is_staff=False)
    assert not is_staff()
    assert not set_staff(session, "eve@example.org", is_staff=True)


def test_a_password_can_be_replaced(session: Session, user_id: uuid.UUID) -> None:
    set_password(session, user_id, "new")
    found = find_user(session, "ada@example.org")
    assert found is not None
    assert found.password_hash == "new"  # noqa: S105
