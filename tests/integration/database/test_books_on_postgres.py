"""The unit tests of the books once more, on PostgreSQL instead of SQLite."""

from tests.unit.database.test_orders import *  # noqa: F403
from tests.unit.database.test_reports import *  # noqa: F403
from tests.unit.database.test_sales import *  # noqa: F403
from tests.unit.database.test_users import *  # noqa: F403
