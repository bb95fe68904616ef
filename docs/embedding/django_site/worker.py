"""A worker thread beside the chat: views hand it work, and do not wait for it."""

from concurrent.futures import ThreadPoolExecutor

from .chat import chat

workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="shop")


def thank(order: int, buyer: int, seller: int) -> None:
    room = chat.sync.open_room([buyer, seller], context=f"order:{order}")
    chat.sync.post(room, "Thank you!", sender=seller, client_id=f"thanks:{order}")


def order_was_placed(order: int, buyer: int, seller: int) -> None:
    workers.submit(thank, order, buyer, seller)
