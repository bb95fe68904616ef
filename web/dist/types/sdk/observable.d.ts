/**
 * A model with immutable snapshots and typed events.
 * @template {object} Snapshot
 * @template {Record<string, any>} Events
 */
export declare class Observable<Snapshot extends object, Events extends Record<string, any>> {
    #private;
    constructor();
    /** @returns {Snapshot} */
    get snapshot(): Snapshot;
    getSnapshot(): Snapshot;
    /**
     * Calls `run` at once, and after each change.
     * @param {(snapshot: Snapshot) => void} run
     * @returns {() => void} what ends the subscription
     */
    subscribe(run: (snapshot: Snapshot) => void): () => void;
    /**
     * @template {keyof Events} Name
     * @param {Name} name
     * @param {(detail: Events[Name]) => void} run
     * @returns {() => void} what removes the handler
     */
    on<Name extends keyof Events>(name: Name, run: (detail: Events[Name]) => void): () => void;
}
