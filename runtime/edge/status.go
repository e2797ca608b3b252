package edge

// What an Answer says, by HTTP's numbers. (Their names in net/http come with a server,
// which the front must not know.)
const (
	StatusOK             = 200 // it is in the log, or needs not be
	StatusNoContent      = 204
	StatusBadRequest     = 400 // a body that is not compressed as it says
	StatusUnauthorized   = 401 // a wrong secret, or a signature that does not hold
	StatusNotFound       = 404
	StatusNotAllowed     = 405 // a method that the webhook does not take
	StatusEntityTooLarge = 413
	StatusUnsupported    = 415 // an encoding that nobody reads
	StatusTooMany        = 429 // more at once than is held in memory; it is to be sent again
	StatusUnavailable    = 503 // the brokers do not answer; it is to be sent again
)
