const query = new URLSearchParams(location.search);

export const server = query.get("server") ?? "/chat/";
export const getToken = async () => query.get("token") ?? "";
