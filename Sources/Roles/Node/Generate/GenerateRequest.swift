import BFT
import Jobs
import Policy
import Text

/// The parameters of a gentask call, completed from the configuration.
package struct GenerateRequest: Sendable {
    package var contentPath: String
    package var taskPath: String
    package var subdirectory: TaskSubdirectory
    package var shares: Shares
    package var policy: DeliveryPolicy
    package var tracker: String
    package var seedTime: SeedTime
    package var dataSource: DataSource
    /// As the call has it; empty for what the configuration says.
    package var storeURL: String
    /// The keys in the call: they are written into the task.
    package var storeKeys: StoreKeys
    /// Whether existing torrents are made again.
    package var deletesOld: Bool

    /// What a gentask or sends call asks for; what it leaves out comes from the configuration.
    /// - Parameters:
    ///   - call: its `taskfile` was read by the caller.
    ///   - subdirectory: that of sends, which has no `basesubdir`; nil for the call's own.
    init(
        _ call: APIRequest, taskPath: String, subdirectory: TaskSubdirectory?, configuration: NodeConfiguration,
        places: NodePlaces
    ) throws(GenerateFailure) {
        guard places.role == .sender else { throw GenerateFailure("error, only a sender makes tasks.") }
        guard (try? TaskRoots(configuration).outputSite(taskPath)) != nil else {
            throw GenerateFailure(SendFailureText.cannotOpen(taskPath))
        }
        let content = call.text("dcppath") ?? ""
        guard places.paths.belowBase(content) != nil, PathFiles.status(content, follow: true) != nil else {
            throw GenerateFailure(GenerationFailureText.noContent(content))
        }
        var place = subdirectory ?? configuration.baseSubdirectory
        if subdirectory == nil, let text = call.givenText("basesubdir") {
            do { place = try TaskSubdirectory(text) } catch {
                throw GenerateFailure("error, basesubdir cannot be used: \(error).")
            }
        }
        guard let place else { throw GenerateFailure("error, please provide basesubdir.") }
        var shares: Shares? = configuration.shares
        if let text = call.givenText("btobscdn") {
            guard let given = Shares(text) else {
                throw GenerateFailure("error, btobscdn is three parts such as 2:1:1, not all of them 0.")
            }
            shares = given
        }
        guard let shares else { throw GenerateFailure("error, please provide btobscdn.") }
        var policy = configuration.policy
        if let text = call.givenText("policy") {
            guard let given = DeliveryPolicy(rawValue: text) else {
                throw GenerateFailure("error, policy is fulltime or priortime.")
            }
            policy = given
        }
        var seedTime = configuration.defaultSeedTime
        if let text = call.givenText("seedtime") {
            guard let given = SeedTime(text) else {
                throw GenerateFailure("error, seedtime is hours, or a time such as 90s, 30m or 72h.")
            }
            seedTime = given
        }
        var source = configuration.dataSource
        if let text = call.givenText("datasource") ?? call.givenText("data") {
            guard let given = DataSource(rawValue: text) else {
                throw GenerateFailure("error, datasource is local or obs.")
            }
            source = given
        }
        let deletes: Bool
        switch call.flag("deloldtorrent") {
        case .missing: deletes = false
        case .value(let value): deletes = value
        case .invalid: throw GenerateFailure("error, deloldtorrent is true or false.")
        }
        let keys = StoreKeys(
            accessKey: call.givenText("ak").map { Secret($0) },
            secretKey: call.givenText("sk").map { Secret($0) },
            endpoint: call.givenText("endpoint") ?? "")
        contentPath = content
        self.taskPath = taskPath
        self.subdirectory = place
        self.shares = shares
        self.policy = policy
        tracker = call.givenText("tracker") ?? configuration.tracker
        self.seedTime = seedTime
        dataSource = source
        storeURL = call.givenText("obsurl") ?? ""
        storeKeys = keys
        deletesOld = deletes
    }
}

/// Why a task cannot be made.
struct GenerateFailure: Error, Sendable, Hashable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
