/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_HW_H
#define RISCV_HW_H

/**
 * @file
 * Layout of the RISC-V IOMMU: registers, tables, queue entries.
 *
 * From the "RISC-V IOMMU Architecture Specification", version 1.0, with the extensions of its
 * chapter "IOMMU Extensions"; its sections are named by their titles. Layout only: nothing here
 * depends on how a driver or a model goes about things. Everything is little-endian, which is
 * fctl.BE = 0; bits of structures are counted from 0 in each doubleword.
 *
 * Page numbers sit in one of two places: bits 53:10 of registers and of non-leaf entries of both
 * directories (RISCV_PPN_SHIFT), bits 43:0 of iohgatp, iosatp, pdtp and msiptp
 * (RISCV_ATP_PPN_MASK).
 */

#include <stdint.h>

/* -------------------------------------------------------------- "Register layout" */

#define RISCV_REG_CAPABILITIES 0x000 /* 64, read only */
#define RISCV_REG_FCTL 0x008	     /* 32 */
#define RISCV_REG_DDTP 0x010	     /* 64 */
#define RISCV_REG_CQB 0x018	     /* 64 */
#define RISCV_REG_CQH 0x020	     /* 32, read only */
#define RISCV_REG_CQT 0x024	     /* 32 */
#define RISCV_REG_FQB 0x028	     /* 64 */
#define RISCV_REG_FQH 0x030	     /* 32 */
#define RISCV_REG_FQT 0x034	     /* 32, read only */
#define RISCV_REG_PQB 0x038	     /* 64; this and the other pq* where capabilities.ATS */
#define RISCV_REG_PQH 0x040	     /* 32 */
#define RISCV_REG_PQT 0x044	     /* 32, read only */
#define RISCV_REG_CQCSR 0x048	     /* 32 */
#define RISCV_REG_FQCSR 0x04c	     /* 32 */
#define RISCV_REG_PQCSR 0x050	     /* 32 */
#define RISCV_REG_IPSR 0x054	     /* 32, write 1 to clear */
#define RISCV_REG_IOCOUNTOVF 0x058   /* 32; these five where capabilities.HPM */
#define RISCV_REG_IOCOUNTINH 0x05c   /* 32 */
#define RISCV_REG_IOHPMCYCLES 0x060  /* 64 */
#define RISCV_REG_IOHPMCTR1 0x068    /* 31 of 64 */
#define RISCV_REG_IOHPMEVT1 0x160    /* 31 of 64 */
#define RISCV_REG_TR_REQ_IOVA 0x258  /* 64; these three where capabilities.DBG */
#define RISCV_REG_TR_REQ_CTL 0x260   /* 64 */
#define RISCV_REG_TR_RESPONSE 0x268  /* 64, read only */
#define RISCV_REG_IOMMU_QOSID 0x270  /* 32; where capabilities.QOSID */
#define RISCV_REG_ICVEC 0x2f8	     /* 64 */
#define RISCV_REG_MSI_CFG_TBL 0x300  /* 16 entries, see below; not where IGS is WSI */

/** Bytes of a unit's registers. */
#define RISCV_REG_SIZE 0x1000

/* Page numbers of registers and of non-leaf entries of directories */
#define RISCV_PPN_SHIFT 10
#define RISCV_PPN_BITS 44
#define RISCV_PPN_FIELD_MASK (((UINT64_C(1) << RISCV_PPN_BITS) - 1) << RISCV_PPN_SHIFT)
/** Bytes of a page, as a shift: an address is its page number shifted by this. */
#define RISCV_PAGE_SHIFT 12
#define RISCV_PAGE_SIZE 4096

/* "IOMMU capabilities (capabilities)" */
#define RISCV_CAP_VERSION_MASK UINT64_C(0xff)
#define RISCV_CAP_VERSION_MINOR_MASK UINT64_C(0xf)
#define RISCV_CAP_VERSION_MAJOR_SHIFT 4
#define RISCV_CAP_VERSION_MAJOR_MASK UINT64_C(0xf)
#define RISCV_CAP_SV32 (UINT64_C(1) << 8)
#define RISCV_CAP_SV39 (UINT64_C(1) << 9)
#define RISCV_CAP_SV48 (UINT64_C(1) << 10)
#define RISCV_CAP_SV57 (UINT64_C(1) << 11)
#define RISCV_CAP_SVRSW60T59B (UINT64_C(1) << 14)
#define RISCV_CAP_SVPBMT (UINT64_C(1) << 15)
#define RISCV_CAP_SV32X4 (UINT64_C(1) << 16)
#define RISCV_CAP_SV39X4 (UINT64_C(1) << 17)
#define RISCV_CAP_SV48X4 (UINT64_C(1) << 18)
#define RISCV_CAP_SV57X4 (UINT64_C(1) << 19)
#define RISCV_CAP_AMO_MRIF (UINT64_C(1) << 21)
#define RISCV_CAP_MSI_FLAT (UINT64_C(1) << 22) /* also: device contexts are extended */
#define RISCV_CAP_MSI_MRIF (UINT64_C(1) << 23)
#define RISCV_CAP_AMO_HWAD (UINT64_C(1) << 24)
#define RISCV_CAP_ATS (UINT64_C(1) << 25) /* ATS and the page-request interface */
#define RISCV_CAP_T2GPA (UINT64_C(1) << 26)
#define RISCV_CAP_END (UINT64_C(1) << 27)
#define RISCV_CAP_IGS_SHIFT 28
#define RISCV_CAP_IGS_MASK UINT64_C(0x3)
#define RISCV_IGS_MSI 0
#define RISCV_IGS_WSI 1
#define RISCV_IGS_BOTH 2
#define RISCV_CAP_HPM (UINT64_C(1) << 30)
#define RISCV_CAP_DBG (UINT64_C(1) << 31)
#define RISCV_CAP_PAS_SHIFT 32
#define RISCV_CAP_PAS_MASK UINT64_C(0x3f)
#define RISCV_CAP_PD8 (UINT64_C(1) << 38)
#define RISCV_CAP_PD17 (UINT64_C(1) << 39)
#define RISCV_CAP_PD20 (UINT64_C(1) << 40)
#define RISCV_CAP_QOSID (UINT64_C(1) << 41)
#define RISCV_CAP_NL (UINT64_C(1) << 42) /* IOTINVAL knows NL */
#define RISCV_CAP_S (UINT64_C(1) << 43)	 /* IOTINVAL knows S */

/* "Features-control register (fctl)" */
#define RISCV_FCTL_BE (UINT32_C(1) << 0)
#define RISCV_FCTL_WSI (UINT32_C(1) << 1)
#define RISCV_FCTL_GXL (UINT32_C(1) << 2)

/* "Device-directory-table pointer (ddtp)"; the page number as RISCV_PPN_SHIFT tells */
#define RISCV_DDTP_MODE_MASK UINT64_C(0xf)
#define RISCV_DDTP_OFF 0
#define RISCV_DDTP_BARE 1
#define RISCV_DDTP_1LVL 2
#define RISCV_DDTP_2LVL 3
#define RISCV_DDTP_3LVL 4
#define RISCV_DDTP_BUSY (UINT64_C(1) << 4)

/*
 * "Command-queue base (cqb)", "Fault queue base (fqb)", "Page-request-queue base (pqb)"; the
 * page number as RISCV_PPN_SHIFT tells. Aligned to the larger of 4 KiB and the queue's size.
 * Heads and tails are plain indexes of LOG2SZ bits. Equal: empty; tail is head - 1: full.
 */
#define RISCV_QB_LOG2SZ_MASK UINT64_C(0x1f) /* log2 of the entries, minus 1 */

/* "Command-queue CSR (cqcsr)", "Fault queue CSR (fqcsr)", "Page-request-queue CSR (pqcsr)" */
#define RISCV_CSR_EN (UINT32_C(1) << 0)	      /* cqen, fqen, pqen */
#define RISCV_CSR_IE (UINT32_C(1) << 1)	      /* cie, fie, pie */
#define RISCV_CSR_MF (UINT32_C(1) << 8)	      /* cqmf, fqmf, pqmf; write 1 to clear */
#define RISCV_CSR_OF (UINT32_C(1) << 9)	      /* fqof, pqof; write 1 to clear */
#define RISCV_CSR_ON (UINT32_C(1) << 16)      /* cqon, fqon, pqon; read only */
#define RISCV_CSR_BUSY (UINT32_C(1) << 17)    /* read only */
#define RISCV_CQCSR_CMD_TO (UINT32_C(1) << 9) /* write 1 to clear, and so the next two */
#define RISCV_CQCSR_CMD_ILL (UINT32_C(1) << 10)
#define RISCV_CQCSR_FENCE_W_IP (UINT32_C(1) << 11) /* reserved unless fctl.WSI */

/* "Interrupt pending status register (ipsr)" */
#define RISCV_IPSR_CIP (UINT32_C(1) << 0)
#define RISCV_IPSR_FIP (UINT32_C(1) << 1)
#define RISCV_IPSR_PMIP (UINT32_C(1) << 2)
#define RISCV_IPSR_PIP (UINT32_C(1) << 3)

/* "Translation-request control (tr_req_ctl)" */
#define RISCV_TR_CTL_GO (UINT64_C(1) << 0) /* reads 1 while busy */
#define RISCV_TR_CTL_PRIV (UINT64_C(1) << 1)
#define RISCV_TR_CTL_EXE (UINT64_C(1) << 2)
#define RISCV_TR_CTL_NW (UINT64_C(1) << 3)
#define RISCV_TR_CTL_PID_SHIFT 12
#define RISCV_TR_CTL_PID_MASK UINT64_C(0xfffff)
#define RISCV_TR_CTL_PV (UINT64_C(1) << 32)
#define RISCV_TR_CTL_DID_SHIFT 40
#define RISCV_TR_CTL_DID_MASK UINT64_C(0xffffff)

/* "Translation-response (tr_response)"; the page number as RISCV_PPN_SHIFT tells */
#define RISCV_TR_RSP_FAULT (UINT64_C(1) << 0)
#define RISCV_TR_RSP_PBMT_SHIFT 7
#define RISCV_TR_RSP_PBMT_MASK UINT64_C(0x3)
#define RISCV_TR_RSP_S (UINT64_C(1) << 9)

/* "IOMMU QoS ID (iommu_qosid)" */
#define RISCV_QOSID_RCID_MASK UINT32_C(0xfff)
#define RISCV_QOSID_MCID_SHIFT 16
#define RISCV_QOSID_MCID_MASK UINT32_C(0xfff)

/* "Interrupt-cause-to-vector register (icvec)" */
#define RISCV_ICVEC_CIV_SHIFT 0
#define RISCV_ICVEC_FIV_SHIFT 4
#define RISCV_ICVEC_PMIV_SHIFT 8
#define RISCV_ICVEC_PIV_SHIFT 12
#define RISCV_ICVEC_FIELD_MASK UINT64_C(0xf)

/* "MSI configuration table (msi_cfg_tbl)": entries of address, data, vector control */
#define RISCV_MSI_ENTRY_SIZE 16
#define RISCV_MSI_ENTRIES 16
#define RISCV_MSI_ADDR 0 /* 64; offsets in an entry */
#define RISCV_MSI_ADDR_MASK UINT64_C(0x00fffffffffffffc)
#define RISCV_MSI_DATA 8     /* 32 */
#define RISCV_MSI_VEC_CTL 12 /* 32 */
#define RISCV_MSI_VEC_CTL_M (UINT32_C(1) << 0)

/* ------------------------------------------------- "Device-Directory-Table (DDT)" */

/* "Non-leaf DDT entry", "Non-leaf PDT entry"; the page number as RISCV_PPN_SHIFT tells */
#define RISCV_DIR_ENTRY_SIZE 8
#define RISCV_DIR_V (UINT64_C(1) << 0)

/* Bits of a device_id that index each level: leaf of either format, middle, root of three */
#define RISCV_DID_BITS 24
#define RISCV_DDI0_BITS_BASE 7
#define RISCV_DDI0_BITS_EXT 6
#define RISCV_DDI1_BITS 9
#define RISCV_DDI2_BITS_BASE 8
#define RISCV_DDI2_BITS_EXT 9

/** "Base-format device-context". */
struct riscv_dc_base {
	uint64_t tc;
	uint64_t iohgatp;
	uint64_t ta;
	uint64_t fsc; /**< iosatp, or pdtp where tc.PDTV. */
};
#define RISCV_DC_BASE_SIZE 32

/** "Extended-format device-context", where capabilities.MSI_FLAT. */
struct riscv_dc {
	uint64_t tc;
	uint64_t iohgatp;
	uint64_t ta;
	uint64_t fsc; /**< iosatp, or pdtp where tc.PDTV. */
	uint64_t msiptp;
	uint64_t msi_addr_mask;
	uint64_t msi_addr_pattern;
	uint64_t reserved;
};
#define RISCV_DC_SIZE 64

/* "Translation control (tc)" */
#define RISCV_TC_V (UINT64_C(1) << 0)
#define RISCV_TC_EN_ATS (UINT64_C(1) << 1)
#define RISCV_TC_EN_PRI (UINT64_C(1) << 2)
#define RISCV_TC_T2GPA (UINT64_C(1) << 3)
#define RISCV_TC_DTF (UINT64_C(1) << 4)
#define RISCV_TC_PDTV (UINT64_C(1) << 5)
#define RISCV_TC_PRPR (UINT64_C(1) << 6)
#define RISCV_TC_GADE (UINT64_C(1) << 7)
#define RISCV_TC_SADE (UINT64_C(1) << 8)
#define RISCV_TC_DPE (UINT64_C(1) << 9)
#define RISCV_TC_SBE (UINT64_C(1) << 10)
#define RISCV_TC_SXL (UINT64_C(1) << 11)
#define RISCV_TC_RESERVED UINT64_C(0xffffffff00fff000) /* 63:32, 23:12; 31:24 are custom */

/* Page number of iohgatp, fsc, msiptp */
#define RISCV_ATP_PPN_MASK ((UINT64_C(1) << RISCV_PPN_BITS) - 1)
#define RISCV_ATP_MODE_SHIFT 60
#define RISCV_ATP_MODE_MASK UINT64_C(0xf)
/** Reserved in fsc and msiptp. */
#define RISCV_ATP_RESERVED UINT64_C(0x0ffff00000000000)

/* "IO hypervisor guest address translation and protection (iohgatp)" */
#define RISCV_IOHGATP_GSCID_SHIFT 44
#define RISCV_IOHGATP_GSCID_MASK UINT64_C(0xffff)
#define RISCV_IOHGATP_BARE 0
#define RISCV_IOHGATP_SV32X4 8 /* where fctl.GXL */
#define RISCV_IOHGATP_SV39X4 8
#define RISCV_IOHGATP_SV48X4 9
#define RISCV_IOHGATP_SV57X4 10

/* "Translation attributes (ta)" of a device context */
#define RISCV_DC_TA_PSCID_SHIFT 12
#define RISCV_PSCID_BITS 20
#define RISCV_PSCID_MASK UINT64_C(0xfffff)
#define RISCV_DC_TA_RCID_SHIFT 40 /* this and MCID where capabilities.QOSID */
#define RISCV_DC_TA_RCID_MASK UINT64_C(0xfff)
#define RISCV_DC_TA_MCID_SHIFT 52
#define RISCV_DC_TA_MCID_MASK UINT64_C(0xfff)
#define RISCV_DC_TA_RESERVED UINT64_C(0x000000ff00000fff)

/* "First-Stage context (fsc)": modes of iosatp, and of fsc of a process context */
#define RISCV_IOSATP_BARE 0
#define RISCV_IOSATP_SV32 8 /* where tc.SXL */
#define RISCV_IOSATP_SV39 8
#define RISCV_IOSATP_SV48 9
#define RISCV_IOSATP_SV57 10

/* Modes of pdtp */
#define RISCV_PDTP_BARE 0
#define RISCV_PDTP_PD8 1
#define RISCV_PDTP_PD17 2
#define RISCV_PDTP_PD20 3

/* "MSI page table pointer (msiptp)"; Off where iohgatp is Bare */
#define RISCV_MSIPTP_OFF 0
#define RISCV_MSIPTP_FLAT 1

/* "MSI address mask (msi_addr_mask) and pattern (msi_addr_pattern)" */
#define RISCV_MSI_ADDR_FIELD_MASK UINT64_C(0x000fffffffffffff)

/* ------------------------------------------------ "Process-Directory-Table (PDT)" */

/* Bits of a process_id that index each level: leaf, middle, root of three */
#define RISCV_PID_BITS 20
#define RISCV_PDI0_BITS 8
#define RISCV_PDI1_BITS 9
#define RISCV_PDI2_BITS 3

/** "Process-context". */
struct riscv_pc {
	uint64_t ta;
	uint64_t fsc;
};
#define RISCV_PC_SIZE 16

#define RISCV_PC_TA_V (UINT64_C(1) << 0)
#define RISCV_PC_TA_ENS (UINT64_C(1) << 1)
#define RISCV_PC_TA_SUM (UINT64_C(1) << 2)
#define RISCV_PC_TA_PSCID_SHIFT 12
#define RISCV_PC_TA_RESERVED UINT64_C(0xffffffff00000ff8)

/* ------------------------------------------------------------ "Command-Queue (CQ)" */

/** "Format of an IOMMU command". */
struct riscv_cmd {
	uint64_t q[2];
};
#define RISCV_CMD_SIZE 16
#define RISCV_CMD_SHIFT 4

#define RISCV_CMD0_OPCODE_MASK UINT64_C(0x7f)
#define RISCV_CMD0_FUNC3_SHIFT 7
#define RISCV_CMD0_FUNC3_MASK UINT64_C(0x7)
#define RISCV_OP_IOTINVAL 1
#define RISCV_IOTINVAL_VMA 0
#define RISCV_IOTINVAL_GVMA 1
#define RISCV_OP_IOFENCE 2
#define RISCV_IOFENCE_C 0
#define RISCV_OP_IODIR 3
#define RISCV_IODIR_INVAL_DDT 0
#define RISCV_IODIR_INVAL_PDT 1
#define RISCV_OP_ATS 4
#define RISCV_ATS_INVAL 0
#define RISCV_ATS_PRGR 1

/* "IOMMU Page-Table cache invalidation commands" */
#define RISCV_IOTINVAL0_AV (UINT64_C(1) << 10)
#define RISCV_IOTINVAL0_PSCID_SHIFT 12
#define RISCV_IOTINVAL0_PSCV (UINT64_C(1) << 32) /* IOTINVAL.VMA only */
#define RISCV_IOTINVAL0_GV (UINT64_C(1) << 33)
#define RISCV_IOTINVAL0_NL (UINT64_C(1) << 34) /* reserved without capabilities.NL */
#define RISCV_IOTINVAL0_GSCID_SHIFT 44
#define RISCV_IOTINVAL0_GSCID_MASK UINT64_C(0xffff)
/** Reserved: 63:60, 43:35, 11. */
#define RISCV_IOTINVAL0_RESERVED UINT64_C(0xf0000ff800000800)
/** The operand ADDR[63:12] is at 61:10: an address shifted right by two. */
#define RISCV_IOTINVAL1_ADDR_SHIFT 10
#define RISCV_IOTINVAL1_ADDR_BITS 52
#define RISCV_IOTINVAL1_S (UINT64_C(1) << 9) /* reserved without capabilities.S */
/** Reserved: 63:62, 8:0. */
#define RISCV_IOTINVAL1_RESERVED UINT64_C(0xc0000000000001ff)

/* "IOMMU Command-queue Fence commands" */
#define RISCV_IOFENCE0_AV (UINT64_C(1) << 10)
#define RISCV_IOFENCE0_WSI (UINT64_C(1) << 11) /* reserved unless fctl.WSI */
#define RISCV_IOFENCE0_PR (UINT64_C(1) << 12)
#define RISCV_IOFENCE0_PW (UINT64_C(1) << 13)
#define RISCV_IOFENCE0_DATA_SHIFT 32
/** Reserved: 31:14. */
#define RISCV_IOFENCE0_RESERVED UINT64_C(0x00000000ffffc000)
/** The operand ADDR[63:2] is at 61:0: an address shifted right by two. */
#define RISCV_IOFENCE1_ADDR_MASK UINT64_C(0x3fffffffffffffff)
#define RISCV_IOFENCE1_RESERVED UINT64_C(0xc000000000000000)

/* "IOMMU directory cache invalidation commands" */
#define RISCV_IODIR0_PID_SHIFT 12 /* INVAL_PDT; reserved for INVAL_DDT */
#define RISCV_IODIR0_PID_MASK UINT64_C(0xfffff)
#define RISCV_IODIR0_DV (UINT64_C(1) << 33) /* must be 1 for INVAL_PDT */
#define RISCV_IODIR0_DID_SHIFT 40
#define RISCV_IODIR0_DID_MASK UINT64_C(0xffffff)
/** Reserved: 39:34, 32, 11:10; and all of doubleword 1. */
#define RISCV_IODIR0_RESERVED UINT64_C(0x000000fd00000c00)

/* "IOMMU PCIe ATS commands" */
#define RISCV_ATS0_PID_SHIFT 12
#define RISCV_ATS0_PID_MASK UINT64_C(0xfffff)
#define RISCV_ATS0_PV (UINT64_C(1) << 32)
#define RISCV_ATS0_DSV (UINT64_C(1) << 33)
#define RISCV_ATS0_RID_SHIFT 40
#define RISCV_ATS0_RID_MASK UINT64_C(0xffff)
#define RISCV_ATS0_DSEG_SHIFT 56
#define RISCV_ATS0_DSEG_MASK UINT64_C(0xff)
/** Reserved: 39:34, 11:10. */
#define RISCV_ATS0_RESERVED UINT64_C(0x000000fc00000c00)
/* Payload of ATS.INVAL; addresses in place, ranges by trailing ones as PCIe has it */
#define RISCV_ATS_INVAL1_G (UINT64_C(1) << 0)
#define RISCV_ATS_INVAL1_ZERO UINT64_C(0x7fe) /* 10:1 */
#define RISCV_ATS_INVAL1_S (UINT64_C(1) << 11)
#define RISCV_ATS_INVAL1_ADDR_MASK (~UINT64_C(0xfff))
/* Payload of ATS.PRGR */
#define RISCV_ATS_PRGR1_PRGI_SHIFT 32
#define RISCV_PRGI_MASK UINT64_C(0x1ff)
#define RISCV_ATS_PRGR1_CODE_SHIFT 44
#define RISCV_ATS_PRGR1_CODE_MASK UINT64_C(0xf)
#define RISCV_ATS_PRGR1_ZERO UINT64_C(0xffff0e00ffffffff) /* 63:48, 43:41, 31:0 */
/* Response codes, as PCIe has them */
#define RISCV_PRGR_SUCCESS 0x0
#define RISCV_PRGR_INVALID 0x1
#define RISCV_PRGR_FAILURE 0xf

/* -------------------------------------------------------- "Fault/Event-Queue (FQ)" */

/** "Fault-queue record". */
struct riscv_fault {
	uint64_t q[4]; /**< [2] is iotval, [3] iotval2. */
};
#define RISCV_FAULT_SIZE 32
#define RISCV_FAULT_SHIFT 5

#define RISCV_FAULT0_CAUSE_MASK UINT64_C(0xfff)
#define RISCV_FAULT0_PID_SHIFT 12
#define RISCV_FAULT0_PID_MASK UINT64_C(0xfffff)
#define RISCV_FAULT0_PV (UINT64_C(1) << 32)
#define RISCV_FAULT0_PRIV (UINT64_C(1) << 33)
#define RISCV_FAULT0_TTYP_SHIFT 34
#define RISCV_FAULT0_TTYP_MASK UINT64_C(0x3f)
#define RISCV_FAULT0_DID_SHIFT 40
#define RISCV_FAULT3_IMPLICIT (UINT64_C(1) << 0) /* guest-page faults */
#define RISCV_FAULT3_IMPLICIT_WRITE (UINT64_C(1) << 1)
#define RISCV_FAULT3_GPA_MASK (~UINT64_C(0x3))

/* "Fault record CAUSE field encodings" */
#define RISCV_CAUSE_INST_ACCESS 1
#define RISCV_CAUSE_READ_MISALIGNED 4
#define RISCV_CAUSE_READ_ACCESS 5
#define RISCV_CAUSE_WRITE_MISALIGNED 6
#define RISCV_CAUSE_WRITE_ACCESS 7
#define RISCV_CAUSE_INST_PAGE 12
#define RISCV_CAUSE_READ_PAGE 13
#define RISCV_CAUSE_WRITE_PAGE 15
#define RISCV_CAUSE_INST_GUEST_PAGE 20
#define RISCV_CAUSE_READ_GUEST_PAGE 21
#define RISCV_CAUSE_WRITE_GUEST_PAGE 23
#define RISCV_CAUSE_ALL_DISALLOWED 256
#define RISCV_CAUSE_DDT_LOAD 257
#define RISCV_CAUSE_DDT_INVALID 258
#define RISCV_CAUSE_DDT_MISCONFIGURED 259
#define RISCV_CAUSE_TYPE_DISALLOWED 260
#define RISCV_CAUSE_MSI_LOAD 261
#define RISCV_CAUSE_MSI_INVALID 262
#define RISCV_CAUSE_MSI_MISCONFIGURED 263
#define RISCV_CAUSE_MRIF_ACCESS 264
#define RISCV_CAUSE_PDT_LOAD 265
#define RISCV_CAUSE_PDT_INVALID 266
#define RISCV_CAUSE_PDT_MISCONFIGURED 267
#define RISCV_CAUSE_DDT_CORRUPT 268
#define RISCV_CAUSE_PDT_CORRUPT 269
#define RISCV_CAUSE_MSI_CORRUPT 270
#define RISCV_CAUSE_MRIF_CORRUPT 271
#define RISCV_CAUSE_INTERNAL 272
#define RISCV_CAUSE_MSI_WRITE 273
#define RISCV_CAUSE_PT_CORRUPT 274

/* "Fault record TTYP field encodings" */
#define RISCV_TTYP_NONE 0
#define RISCV_TTYP_EXEC 1 /* untranslated */
#define RISCV_TTYP_READ 2
#define RISCV_TTYP_WRITE 3
#define RISCV_TTYP_TRANSLATED_EXEC 5
#define RISCV_TTYP_TRANSLATED_READ 6
#define RISCV_TTYP_TRANSLATED_WRITE 7
#define RISCV_TTYP_ATS 8     /* translation request */
#define RISCV_TTYP_MESSAGE 9 /* iotval is the message's code */

/* ------------------------------------------------------- "Page-Request-Queue (PQ)" */

/** "Page-request-queue record". */
struct riscv_pq {
	uint64_t q[2];
};
#define RISCV_PQ_SIZE 16
#define RISCV_PQ_SHIFT 4

#define RISCV_PQ0_PID_SHIFT 12
#define RISCV_PQ0_PID_MASK UINT64_C(0xfffff)
#define RISCV_PQ0_PV (UINT64_C(1) << 32)
#define RISCV_PQ0_PRIV (UINT64_C(1) << 33)
#define RISCV_PQ0_EXEC (UINT64_C(1) << 34)
#define RISCV_PQ0_DID_SHIFT 40
/** Reserved: 39:35, 11:0. */
#define RISCV_PQ0_RESERVED UINT64_C(0x000000f800000fff)
#define RISCV_PQ1_R (UINT64_C(1) << 0)
#define RISCV_PQ1_W (UINT64_C(1) << 1)
#define RISCV_PQ1_L (UINT64_C(1) << 2) /* with neither R nor W: stop marker */
#define RISCV_PQ1_PRGI_SHIFT 3
#define RISCV_PQ1_ADDR_MASK (~UINT64_C(0xfff))

_Static_assert(sizeof(struct riscv_dc_base) == RISCV_DC_BASE_SIZE, "\"Leaf DDT entry\"");
_Static_assert(sizeof(struct riscv_dc) == RISCV_DC_SIZE, "\"Leaf DDT entry\"");
_Static_assert(sizeof(struct riscv_pc) == RISCV_PC_SIZE, "\"Leaf PDT entry\"");
_Static_assert(sizeof(struct riscv_cmd) == RISCV_CMD_SIZE, "\"Command-Queue (CQ)\"");
_Static_assert(sizeof(struct riscv_fault) == RISCV_FAULT_SIZE, "\"Fault/Event-Queue (FQ)\"");
_Static_assert(sizeof(struct riscv_pq) == RISCV_PQ_SIZE, "\"Page-Request-Queue (PQ)\"");

#endif /* RISCV_HW_H */
