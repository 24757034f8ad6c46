import Fleet
import JSON
import Settings

/// Checks offers of control against the agent's configuration file. An offer can only narrow what the file permits.
package struct AgentPolicy: Sendable, Hashable {
    package let configuration: AgentConfiguration

    package init(_ configuration: AgentConfiguration) { self.configuration = configuration }

    /// An accepted job, and how it is carried out.
    package struct Placement: Sendable, Hashable {
        /// The root below which the destination lies; for a cache, the cache's directory.
        package let root: String
        /// The class's destination directory, below the root. Nil for a cache.
        package let destination: String?
        /// Name of the content's file or directory in the destination.
        package let name: String
        package let terms: FleetClass
        package let hook: HookOrder?
        /// Limits in bytes a second; nil for no limit.
        package let down: Int64?
        package let up: Int64?
    }

    /// A hook of the configuration file, with the arguments of a class.
    package struct HookOrder: Sendable, Hashable {
        package let name: String
        package let settings: HookSettings
        package let arguments: [String]

        package init(name: String, settings: HookSettings, arguments: [String]) {
            self.name = name
            self.settings = settings
            self.arguments = arguments
        }
    }

    /// The key of the configuration file that forbids a job.
    package struct Refusal: Error, Sendable, Hashable {
        package let key: String
        /// The reason, for people.
        package let text: String

        package init(_ key: String, _ text: String) {
            self.key = key
            self.text = text
        }
    }

    /// Decides whether this host accepts a job, and where it publishes the content.
    /// - Throws: the first key that forbids the job.
    package func place(_ offer: JobOffer) throws(Refusal) -> Placement {
        let receive = configuration.receive
        let terms = try Self.terms(of: offer)
        guard receive.classes.isEmpty || receive.classes.contains(offer.className) else {
            throw Refusal("receive.classes", "the class \(offer.className) is none of those that are received here")
        }
        if let largest = receive.largest, offer.content.bytes > largest {
            throw Refusal(
                "receive.max_size", "the content has \(offer.content.bytes) bytes, and at most \(largest) are received")
        }
        guard AbsolutePath.isName(offer.name) else {
            throw Refusal("receive.roots", "the content's name cannot be the name of a file")
        }
        let down = Self.least(configuration.limits.down, terms.limits.down)
        let up = Self.least(configuration.limits.up, terms.limits.up)
        if offer.isCache {
            guard let cache = configuration.cache else { throw Refusal("cache", "this host is no cache") }
            if let size = cache.size, offer.content.bytes > size {
                throw Refusal("cache.size", "the content is larger than the cache")
            }
            return Placement(
                root: cache.directory, destination: nil, name: offer.name, terms: terms, hook: nil, down: down, up: up)
        }
        let (root, destination) = try place(terms.destination.isEmpty ? offer.className : terms.destination)
        return Placement(
            root: root, destination: destination, name: offer.name, terms: terms, hook: try hook(terms.hook),
            down: down, up: up)
    }

    /// How a job goes on that was accepted under an earlier file, and that this file does not permit. A hook that the file does not
    /// have is not part of it.
    func placement(of record: TargetRecord) -> Placement {
        var terms = (try? Self.terms(of: record.offer)) ?? FleetClass()
        if let publish = record.publish { terms.publish = publish }
        return Placement(
            root: record.root, destination: record.destination, name: record.offer.name, terms: terms,
            hook: try? hook(terms.hook), down: Self.least(configuration.limits.down, terms.limits.down),
            up: Self.least(configuration.limits.up, terms.limits.up))
    }

    private func place(_ wanted: String) throws(Refusal) -> (root: String, destination: String) {
        let roots = configuration.receive.roots
        guard let first = roots.first else { throw Refusal("receive.roots", "this host receives nothing") }
        let path: String
        if wanted.hasPrefix("/") {
            path = wanted
        } else {
            guard AbsolutePath.isRelative(wanted) else {
                throw Refusal("receive.roots", "the destination is no path")
            }
            path = first + "/" + wanted
        }
        guard let destination = AbsolutePath.normal(path),
            let root = roots.first(where: { AbsolutePath.isBelow(destination, $0) })
        else { throw Refusal("receive.roots", "the destination is below no root of this host") }
        // That directory holds unfinished content.
        guard destination.dropFirst(root.count + 1).split(separator: "/").first != Substring(Self.stagingName) else {
            throw Refusal("receive.roots", "the destination is the agent's own directory")
        }
        return (root, destination)
    }

    private func hook(_ call: HookCall?) throws(Refusal) -> HookOrder? {
        guard let call else { return nil }
        guard let settings = configuration.hooks[call.name] else {
            throw Refusal("hooks", "there is no hook \(call.name) on this host")
        }
        return HookOrder(name: call.name, settings: settings, arguments: call.arguments)
    }

    /// The directory below each root in which content is received before it is published.
    package static let stagingName = ".swoop"

    private static func terms(of offer: JobOffer) throws(Refusal) -> FleetClass {
        guard let object = offer.terms.objectValue else { return FleetClass() }
        do throws(SettingsError) {
            return try ClassSettings.table.read(SettingsSource(object), into: FleetClass()).0
        } catch {
            throw Refusal("version", "this agent does not understand the class: \(error)")
        }
    }

    private static func least(_ one: Int64?, _ other: Int64?) -> Int64? {
        [one, other].compactMap(\.self).min()
    }

    /// Whether a local user may send.
    /// - Parameters:
    ///   - names: the user's name and numeric id.
    ///   - isOwn: whether it is root or the agent's own user.
    package func mayUserSend(_ names: [String], isOwn: Bool) -> Bool {
        let users = configuration.send.users
        return users.isEmpty ? isOwn : names.contains(where: users.contains)
    }

    /// Whether the file permits to send content. The path must have no symbolic links.
    package func maySend(_ path: String) -> Bool {
        configuration.send.roots.contains { path == $0 || AbsolutePath.isBelow(path, $0) }
    }

    /// The limits that are reported to control.
    package var reported: HostPolicy {
        let receive = configuration.receive
        var policy = HostPolicy(
            roots: receive.roots, classes: receive.classes, overwrite: receive.overwrite, reserve: receive.reserve,
            largest: receive.largest, parallel: Int64(receive.parallel), hooks: configuration.hooks.keys.sorted(),
            sendRoots: configuration.send.roots, caches: configuration.cache != nil)
        policy.windows = configuration.windows
        return policy
    }
}
