//! The fake AWS, through the clients that plimsoll uses.
