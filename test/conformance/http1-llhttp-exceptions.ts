/** Where our verdict differs from llhttp's, case by case. */
export interface Exception {
  /** Our verdict. */
  readonly refused: boolean
  readonly why: string
}

const refused = (why: string): Exception => ({ refused: true, why })
const taken = (why: string): Exception => ({ refused: false, why })

const ONE_RESPONSE = 'the first response is read, and the connection is closed with what came behind it'
const NO_UPGRADE = 'nobody asked for another protocol'
const CONNECT = 'only proxy ports answer CONNECT'
const EXTENSION_METHOD = 'RFC 9110 16.1: methods may be added, and a proxy passes them on'
const NO_FRAGMENT = 'RFC 9112 3.2: a request target has no fragment'

export const EXCEPTIONS: Readonly<Record<string, Exception>> = {
  'request/connection#4': taken(
    'HTTP/1.0 without keep-alive: what comes behind the first request is dropped',
  ),
  'request/content-length#16': taken('here the body is read, as its length says, and not skipped'),
  'request/invalid#14': taken(EXTENSION_METHOD),
  'request/invalid#4': taken(EXTENSION_METHOD),
  'request/method#13': refused('RTSP is not spoken here'),
  'request/method#15': refused('RFC 9112 3.2.4: only OPTIONS may ask for *'),
  'request/method#2': refused(CONNECT),
  'request/method#3': refused(CONNECT),
  'request/method#5': refused('RFC 9112 3.2.4: only OPTIONS may ask for *'),
  'request/transfer-encoding#20': refused(NO_FRAGMENT),
  'request/uri#6': taken('absolute-form: the authority is taken from it, and the path is /'),
  'request/uri#8': refused(NO_FRAGMENT),
  'response/connection#10': refused(NO_UPGRADE),
  'response/connection#17': refused('an empty line before the status line was not asked for'),
  'response/connection#7': taken(ONE_RESPONSE),
  'response/connection#8': taken(ONE_RESPONSE),
  'response/connection#9': taken(ONE_RESPONSE),
  'response/content-length#3': taken('here the body is read, as its length says, and not skipped'),
  'response/sample#18': refused('HTTP/0.9 is not spoken here'),
  'response/sample#2': refused('RTSP is not spoken here'),
  'response/sample#20': refused('an empty line before the status line was not asked for'),
  'response/transfer-encoding#4': refused('RFC 9112 6.3: a coding that is not known ends nowhere'),
}
