"""The few SQL expressions that differ between the two databases, as placeholders."""

from msgspec import Struct


class Dialect(Struct, frozen=True):
    """The expressions by which `render` replaces the placeholders of a query.

    PACKED(a, b)) returns the rows of a query as one JSON array of arrays, because many rows are
    slow to transfer. JOINED(a, ' ') joins the texts of a group.

    NUMBERS and ROWS are tables with a `value` for each entry of the JSON arrays `:numbers` and
    `:rows`. LOCKING(r) locks the rows of `r` and skips those that others have locked; references to
    them stay possible. LOCKING() waits for them. With KEEPING(r) others can change the rows of `r`
    but not delete them; rows that others are deleting are skipped.
    """

    each: str
    now: str  # microseconds since 1970, UTC: one clock for all processes
    packed: str
    joined: str
    array: str
    locking: str
    skipping: str
    keeping: str

    def render(self, query: str) -> str:
        query = query.replace("EACH", self.each).replace("NOW", self.now)
        query = query.replace("PACKED(", self.packed).replace("JOINED(", self.joined)
        query = query.replace("NUMBERS", self.array.format(":numbers"))
        query = query.replace("ROWS", self.array.format(":rows"))
        query = query.replace("LOCKING()", self.locking).replace("LOCKING(r)", self.skipping)
        return query.replace("KEEPING(r)", self.keeping)


SQLITE = Dialect(
    each="json_each(:users)",
    packed="json_group_array(json_array(",
    joined="group_concat(",
    array="json_each({})",
    locking="",  # it has one writer at a time
    skipping="",
    keeping="",
    now="CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)",
)
POSTGRESQL = Dialect(
    each="json_array_elements_text(CAST(:users AS json))",
    packed="json_agg(json_build_array(",
    joined="string_agg(",
    array="json_array_elements(CAST({} AS json))",
    locking="FOR NO KEY UPDATE",
    skipping="FOR NO KEY UPDATE OF r SKIP LOCKED",
    keeping="FOR KEY SHARE OF r SKIP LOCKED",
    now="CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
)
