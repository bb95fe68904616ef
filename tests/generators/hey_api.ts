// A client that @hey-api/openapi-ts has generated: opens a room and sends a message with a file.
import { client } from "./hey_api/client.gen";
import { getChatReceive, postChatCreate, postChatRoomsRoomIdMessages } from "./hey_api/sdk.gen";

const [base, token] = process.argv.slice(2);
client.setConfig({ baseUrl: base, auth: () => token });

const opened = await postChatCreate({ body: { second_user: 2 } });
if (!opened.data) throw new Error(JSON.stringify(opened.error));
const path = { room_id: opened.data.room_id };
const file = { name: "a.txt", size: 5, type: "text/plain", data: btoa("hello") };
const sent = await postChatRoomsRoomIdMessages({ path, body: { message: "by hey-api", file } });
if (!sent.data) throw new Error(JSON.stringify(sent.error));
const url: string | undefined = sent.data.attachments[0]?.file_url;
if (!url || (await (await fetch(url)).text()) !== "hello") throw new Error(`no file at ${url}`);
const list = await getChatReceive({});
console.log(list.data?.results[0]?.last_message?.content);
