"""A client that openapi-python-client has generated: opens a room and sends a message."""

import sys

from generated import AuthenticatedClient
from generated.api.messages import get_chat_rooms_room_id_messages as history
from generated.api.messages import post_chat_rooms_room_id_messages as send
from generated.api.rooms import post_chat_create as create
from generated.models import NewRoom, Send

base, token = sys.argv[1:]
client = AuthenticatedClient(base_url=base, token=token, raise_on_unexpected_status=True)
opened = create.sync(client=client, body=NewRoom(second_user=2))
sent = send.sync(opened.room_id, client=client, body=Send(message="by openapi-python-client"))
page = history.sync(opened.room_id, client=client)
assert page.messages[-1].message_id == sent.message_id
sys.stdout.write(f"{page.messages[-1].text}\n")
