/// A way for content to get to a receiver.
public enum DeliveryMethod: String, CaseIterable, Sendable, Hashable, Comparable {
    /// BitTorrent: the peers.
    case bt
    /// An object store that speaks S3.
    case obs
    /// Plain HTTP from a CDN or a web server.
    case cdn

    /// In the order of `bt-obs-cdn`.
    public static func < (left: DeliveryMethod, right: DeliveryMethod) -> Bool { left.rank < right.rank }

    var rank: Int {
        switch self {
        case .bt: 0
        case .obs: 1
        case .cdn: 2
        }
    }
}

/// When methods may transfer.
public enum DeliveryPolicy: String, Sendable, Hashable, CaseIterable {
    /// All methods at once, at any time.
    case fulltime
    /// Each method inside its own window.
    case priortime
}

/// What a method that has finished its share does.
public enum Rebalance: String, Sendable, Hashable, CaseIterable {
    /// Nothing: shares are strict.
    case none
    /// It takes over files of a slower one.
    case idle
}

/// One value for each method.
public struct PerMethod<Value> {
    public var bt: Value
    public var obs: Value
    public var cdn: Value

    public init(bt: Value, obs: Value, cdn: Value) {
        self.bt = bt
        self.obs = obs
        self.cdn = cdn
    }

    public init(repeating value: Value) { self.init(bt: value, obs: value, cdn: value) }

    public subscript(_ method: DeliveryMethod) -> Value {
        get {
            switch method {
            case .bt: bt
            case .obs: obs
            case .cdn: cdn
            }
        }
        set {
            switch method {
            case .bt: bt = newValue
            case .obs: obs = newValue
            case .cdn: cdn = newValue
            }
        }
    }

    public func map<Result>(_ transform: (Value) -> Result) -> PerMethod<Result> {
        PerMethod<Result>(bt: transform(bt), obs: transform(obs), cdn: transform(cdn))
    }

    /// The three values in the order of `bt-obs-cdn`.
    public var all: [Value] { [bt, obs, cdn] }
}

extension PerMethod: Sendable where Value: Sendable {}
extension PerMethod: Equatable where Value: Equatable {}
extension PerMethod: Hashable where Value: Hashable {}
