/** @typedef {import("./types.js").Storage} Storage */
export type Storage = import("./types.js").Storage;
/** @returns {Storage} what a page forgets at its end */
export declare function memoryStorage(): Storage;
/**
 * IndexedDB, where files can be kept too.
 * @param {string} [name] of the database
 * @returns {Storage}
 */
export declare function browserStorage(name?: string): Storage;
/** What is stored for one user of one server. A storage that fails loses its contents, nothing else. */
export declare class Vault {
    #private;
    storage: import("./types.js").Storage;
    server: string;
    /**
     * @param {Storage | null | undefined} storage
     * @param {string} server
     */
    constructor(storage: Storage | null | undefined, server: string);
    /** Whether something may be stored here, of a user who is not known yet. */
    isFilled(): Promise<boolean>;
    /** @param {string} user */
    open(user: string): void;
    /** @param {string} key */
    get(key: string): Promise<any>;
    /** @param {string} key @param {any} value */
    set(key: string, value: any): Promise<any>;
    /** @param {string} key */
    delete(key: string): Promise<any>;
    /**
     * The keys that begin so, without what all keys of the user begin with.
     * @param {string} prefix
     * @returns {Promise<string[]>}
     */
    keys(prefix: string): Promise<string[]>;
    erase(): Promise<void>;
}
