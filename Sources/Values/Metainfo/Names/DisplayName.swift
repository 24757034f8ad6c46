import Text

/// How names of torrents are shown. Here too, so that who handles torrents needs nothing else.
public typealias DisplayName = Text.DisplayName
