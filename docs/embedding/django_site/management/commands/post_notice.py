"""`manage.py post_notice 7 "Your order has shipped"`: from another process than the chat's."""

import os

from django.core.management.base import BaseCommand, CommandParser
from roomcast.client import Chat


class Command(BaseCommand):
    help = "Post a text of the site in every room of a user."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user")
        parser.add_argument("text")

    def handle(self, *args: object, user: str, text: str, **options: object) -> None:
        with Chat(os.environ["CHAT_URL"], os.environ["CHAT_KEY"]) as chat:
            rooms = chat.rooms(user=user)
            for room in rooms:
                chat.post(room, text)
        self.stdout.write(f"{len(rooms)} rooms")
