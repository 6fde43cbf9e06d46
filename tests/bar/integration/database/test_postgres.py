"""The unit tests of the database once more, on PostgreSQL instead of SQLite."""

from tests.bar.unit.database.test_links import *  # noqa: F403
from tests.bar.unit.database.test_orders import *  # noqa: F403
from tests.bar.unit.database.test_reports import *  # noqa: F403
from tests.bar.unit.database.test_sales import *  # noqa: F403
from tests.bar.unit.database.test_sessions import *  # noqa: F403
from tests.bar.unit.database.test_users import *  # noqa: F403
