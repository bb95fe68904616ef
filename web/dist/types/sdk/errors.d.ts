/** What can go wrong. `message` is the code: sentences are the interface's task. */
export declare class ChatError extends Error {
    code: string;
    status: number | undefined;
    detail: string | undefined;
    retryAfter: number | undefined;
    /**
     * @param {string} code
     * @param {{ status?: number, detail?: string, retryAfter?: number }} [more] `detail` is the server's text, for logs
     */
    constructor(code: string, more?: {
        status?: number;
        detail?: string;
        retryAfter?: number;
    });
}
/** The same request may succeed later. */
export declare class Passing extends ChatError {
}
/** The same request will fail again. */
export declare class Refused extends ChatError {
}
/** No answer: `lost` or `timeout`. The request may have taken effect. */
export declare class Lost extends ChatError {
}
/** The user is not signed in any more: `unauthenticated` or `disconnected`. */
export declare class SignedOut extends ChatError {
}
/**
 * The error of an error frame or of an HTTP answer.
 * @param {string} [code]
 * @param {string} [detail]
 * @param {number} [status]
 * @param {number} [retryAfter] seconds
 */
export declare function errorOf(code?: string, detail?: string, status?: number, retryAfter?: number): Passing | Refused;
