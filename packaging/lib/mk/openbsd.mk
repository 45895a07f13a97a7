# Stands in for OpenBSD's bsd.port.mk and devel/cargo: what they set, as far as packaging/openbsd/Makefile uses it.
# From lint.py: ROOT, WORK.
WRKSRC =	${ROOT}
FILESDIR =	${.CURDIR}/files
# While a port is installed into its packing folder; TRUEPREFIX is the one on the device.
PREFIX =	${WORK}/stage/usr/local
INSTALL_PROGRAM =	install -m 755
INSTALL_MAN =	install -m 644
INSTALL_DATA =	install -m 644
INSTALL_DATA_DIR =	install -d -m 755

.if ${MODULES:Mdevel/cargo}
MODCARGO_TARGET_DIR =	${WORK}/target
BUILT =		${MODCARGO_TARGET_DIR}/release
.endif

.PHONY: all build stage
all:
# Leaves the program where cargo does, and the folders that every port finds.
build:
	mkdir -p ${BUILT} ${PREFIX}/sbin ${PREFIX}/man/man1
	echo program >${BUILT}/evenkeel
stage: do-install
