/// An action for the shell. Actions must be carried out in order.
package enum DeliveryAction: Sendable, Hashable {
    /// From now on the method must fetch exactly these files, or none for now if `isActive` is false.
    case setMethod(DeliveryMethod, files: [Int], isActive: Bool)
    /// Start or stop serving peers.
    case setSeeding(Bool)
    /// Copy these files from the library. Report each with `fileComplete` or `copyFailed`.
    case copy(files: [Int])
    /// Test whether the method works again. Report with `probed`.
    case probe(DeliveryMethod)
    /// Hash this whole file. Report with `verified`.
    case verify(file: Int)
    /// Discard the data of this file, which is wrong. `setMethod` follows with the method that fetches it again.
    case discard(file: Int)
    /// Everything is complete and verified: move it to its final place. Report with `published`.
    case publish
    /// The content is complete and is seeded until this time.
    case seed(until: Instant)
    /// Seeding has ended: stop the transfers; the task is finished.
    case finish
    /// The delivery cannot continue.
    case fail(DeliveryFailure)
}

/// Why a delivery cannot continue.
package enum DeliveryFailure: Error, Sendable, Hashable {
    /// This file does not match its SHA-1, whatever its source.
    case wrongContent(file: Int)
    /// No method may fetch this file.
    case noMethod(file: Int)
    /// The content could not be moved to its final place.
    case cannotPublish(String)
}
