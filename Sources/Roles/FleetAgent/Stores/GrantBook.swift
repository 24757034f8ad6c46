import Fleet
import FleetLink
import HTTPTransport
import Metainfo
import S3
import Text

/// The URLs of a job's bucket that its sender has signed, for a host without keys: asked of control, and again before they run out.
actor GrantBook {
    /// Seconds before their end at which they are asked for again, and between two questions.
    private static let margin = 600.0
    private static let pause = 15.0

    private let context: AgentContext
    private let job: String
    private let place: AgentStores.Place
    private let layout: ContentLayout
    private var grant: SourceGrant?
    /// By the monotonic clock.
    private var asked: Double?
    private var asking: Task<SourceGrant?, Never>?

    init(_ context: AgentContext, job: String, place: AgentStores.Place, layout: ContentLayout) {
        self.context = context
        self.job = job
        self.place = place
        self.layout = layout
    }

    /// Where a file of the layout lies now. What the sender has signed counts only if it is the URL of that very object: it decides
    /// who may read, never what is read from where. Without a signature it is the plain URL, as of a public bucket.
    func url(ofFile file: Int) async -> HTTPURL? {
        guard let key = Self.key(ofFile: file, in: layout, below: place.prefix),
            let plain = try? place.store.address.place.sign(.get(key: key), with: nil, at: S3Timestamp(unixTime: 0)).url
        else { return nil }
        let ordinal = layout.files[..<file].count { !$0.isPadding }
        guard let urls = await current()?.urls, urls.indices.contains(ordinal) else { return HTTPURL(plain) }
        let signed = urls[ordinal].value
        return signed.hasPrefix(plain + "?") ? HTTPURL(signed) : HTTPURL(plain)
    }

    private func current() async -> SourceGrant? {
        let now = await context.controlTime
        if let grant, grant.expires - now > Self.margin { return grant }
        let uptime = context.clock.now.uptime
        if asking == nil, asked.map({ uptime - $0 >= Self.pause }) ?? true {
            asked = uptime
            let (link, job) = (context.link, job)
            asking = Task { try? await link.grant(of: job) }
        }
        if let task = asking {
            if let new = await task.value { grant = new }
            asking = nil
        }
        return grant.flatMap { $0.expires > now ? $0 : nil }
    }

    /// The key of a file; nil if its name is not UTF-8, because keys must be.
    static func key(ofFile file: Int, in layout: ContentLayout, below prefix: String) -> String? {
        guard layout.files.indices.contains(file) else { return nil }
        var components = prefix.isEmpty ? [] : [prefix]
        for component in layout.files[file].path.components {
            guard let name = String(validating: component.bytes, as: UTF8.self) else { return nil }
            components.append(name)
        }
        return components.joined(separator: "/")
    }
}
