# Stands in for FreeBSD's bsd.port.mk and Uses/cargo.mk: what they set, as far as packaging/freebsd/Makefile uses it.
# From lint.py: ROOT, WORK.
.sinclude "${.CURDIR}/Makefile.crates"
WRKSRC =	${ROOT}
FILESDIR =	${.CURDIR}/files
PREFIX =	/usr/local
STAGEDIR =	${WORK}/stage
DOCSDIR =	${PREFIX}/share/doc/${PORTNAME}
EXAMPLESDIR =	${PREFIX}/share/examples/${PORTNAME}
ETCDIR =	${PREFIX}/etc/${PORTNAME}
MKDIR =		mkdir -p
INSTALL_PROGRAM =	install -m 555
INSTALL_MAN =	install -m 444
INSTALL_DATA =	install -m 444

.if ${USES:Mcargo}
# cargo is told the target by name, and makes a folder of that name.
CARGO_BUILD_TARGET =	x86_64-unknown-freebsd
CARGO_TARGET_DIR =	${WORK}/target
BUILT =		${CARGO_TARGET_DIR}/${CARGO_BUILD_TARGET}/release
.endif

.PHONY: all build stage
all:
# Leaves the program where cargo does, and the folders that every port finds.
build:
	mkdir -p ${BUILT} ${STAGEDIR}${PREFIX}/sbin ${STAGEDIR}${PREFIX}/share/man/man1
	echo program >${BUILT}/evenkeel
stage: do-install do-install-DOCS-on do-install-EXAMPLES-on
