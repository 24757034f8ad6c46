/// What the shell does next for a delivery. Actions are carried out in their order.
package enum DeliveryAction: Sendable, Hashable {
    /// From now on the method fetches these files, all of them and no others, or with `isActive` false none for now.
    case setMethod(DeliveryMethod, files: [Int], isActive: Bool)
    /// Serve to peers, or stop serving.
    case setSeeding(Bool)
    /// Copy these files out of the library; each is reported by `fileComplete` or `copyFailed`.
    case copy(files: [Int])
    /// See whether the method answers again, and report it by `probed`.
    case probe(DeliveryMethod)
    /// Hash this whole file and report it by `verified`.
    case verify(file: Int)
    /// What is there of this file is wrong: forget it. `setMethod` says who fetches it again.
    case discard(file: Int)
    /// Everything is here and right: put it at its final place and report it by `published`.
    case publish
    /// The content is complete and is served until then.
    case seed(until: Instant)
    /// The service has ended: stop the transfers, the task is done with.
    case finish
    /// The delivery cannot go on.
    case fail(DeliveryFailure)
}

/// Why a delivery cannot go on.
package enum DeliveryFailure: Error, Sendable, Hashable {
    /// This file is not what its SHA-1 says, wherever it is fetched from.
    case wrongContent(file: Int)
    /// No method may fetch this file.
    case noMethod(file: Int)
    /// The content could not be put at its final place.
    case cannotPublish(String)
}
