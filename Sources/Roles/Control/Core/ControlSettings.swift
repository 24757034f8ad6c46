import Fleet
import Text

/// The settings of a control server.
package struct ControlSettings: Sendable {
    /// Identifies this control among those that share a database.
    package var id = "c-" + Hexadecimal.encode((0..<8).map { _ in UInt8.random(in: 0 ... .max) })
    package var pace = SyncPace()
    /// URLs of this control for agents: `https://HOST:PORT`.
    package var doors: [String] = []
    /// Announce URLs of trackers other than those inside controls.
    package var trackers: [String] = []
    /// Seconds without a sync after which a node's certificate is not renewed.
    package var awayMost = 400 * 86_400.0
    /// Seconds without an answer of the database after which agents get no answers.
    package var patience = 3.0
    /// Whether there may be other controls of the same database.
    package var isShared = false

    package init() {}
}
