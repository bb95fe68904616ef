"""The guarantees: the headings of a report, and the rows of docs/guarantees.md."""

PROMISES = {
    "nothing_lost": "An acknowledged message is there, for everybody, whatever breaks.",
    "nothing_doubled": "A message sent again under its client_id is stored and told once.",
    "one_order": "Changes of a room are numbered without gaps; everybody sees them in that order.",
    "true_statuses": "A status follows from what recipients did, in order, and never goes back.",
    "resuming": "A client that returns with its cursor is sent all that it missed, or a reset.",
    "isolation": "Only members see a room, and a socket sees only its own room.",
    "authentication": "A token decides who is there; sockets end with the documented codes.",
    "refusals": "What is refused is stored nowhere, and only who asked for it is answered.",
    "messages": "Edits, deletions, replies, reactions and history are as documented.",
    "files": "Files arrive byte for byte, are what they say, and are safe to open.",
    "presence": "Presence and typing reach the other members, and only them.",
    "notifications": "The notifications socket counts what is unread, and only that.",
    "http": "HTTP answers have the documented statuses, codes, shapes and pages.",
    "shapes": "Every frame has the documented fields, of the documented kinds.",
}
