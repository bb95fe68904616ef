"""The few words that the two databases spell each in their own way."""

from msgspec import Struct


class Dialect(Struct, frozen=True):
    """EACH: rows with a `value` for each text of the JSON array `:users`. NOW: the database's."""

    each: str
    now: str  # microseconds since 1970, UTC: one clock for all processes

    def speak(self, query: str) -> str:
        return query.replace("EACH", self.each).replace("NOW", self.now)


SQLITE = Dialect(
    each="json_each(:users)",
    now="CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)",
)
POSTGRESQL = Dialect(
    each="json_array_elements_text(CAST(:users AS json))",
    now="CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
)
