"""The guarantees: the headings of a report, and the rows of docs/guarantees.md."""

PROMISES = {
    "nothing_lost": "An acknowledged message is stored and reaches everybody, also after failures.",
    "nothing_doubled": "A message sent again with its client_id is stored once and published once.",
    "one_order": "Changes of a room are numbered without gaps; everybody sees them in that order.",
    "true_statuses": "A status follows from what recipients did, in order, and never goes back.",
    "resuming": "A client that returns with its cursor gets everything that it missed, or a reset.",
    "isolation": "Only members see a room, and a socket sees only its own room.",
    "authentication": "Every call needs a valid token; sockets close with the documented codes.",
    "refusals": "A refused action is not stored, and only its sender gets the error.",
    "messages": "Edits, deletions, replies, reactions and history are as documented.",
    "files": "Files arrive byte for byte, have the declared type, and are safe to open.",
    "presence": "Presence and typing reach the other members, and only them.",
    "notifications": "The notifications socket counts unread messages, and nothing else.",
    "http": "HTTP answers have the documented statuses, codes, shapes and pages.",
    "shapes": "Every frame has the documented fields, of the documented kinds.",
}
