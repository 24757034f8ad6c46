import Logging
import Metainfo

/// A log without passwords: URLs in messages and metadata are redacted by `Redaction`.
struct RedactedLog: LogHandler {
    private var handler: any LogHandler

    init(_ handler: any LogHandler) { self.handler = handler }

    var logLevel: Logger.Level {
        get { handler.logLevel }
        set { handler.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue.mapValues(Self.redacted) }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { handler.metadataProvider }
        set { handler.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue.map(Self.redacted) }
    }

    func log(event: LogEvent) {
        var event = event
        event.message = Logger.Message(stringLiteral: Redaction.text(event.message.description))
        event.metadata = event.metadata?.mapValues(Self.redacted)
        handler.log(event: event)
    }

    private static func redacted(_ value: Logger.Metadata.Value) -> Logger.Metadata.Value {
        switch value {
        case .dictionary(let values): .dictionary(values.mapValues(redacted))
        case .array(let values): .array(values.map(redacted))
        case .string(let text): .string(Redaction.text(text))
        case .stringConvertible(let text): .string(Redaction.text(text.description))
        }
    }
}
