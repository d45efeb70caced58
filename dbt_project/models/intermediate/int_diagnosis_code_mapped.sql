{#-
  Each distinct diagnosis code of the month with its one concept. Dagger and asterisk are matched
  each against its own part: a shortcut such as `like 'H36%'` would miss every dual code.
-#}
with said as (
    select source_code, {{ code_system_name('source_code_system', 'source_code', 'SNOMED') }} as source_code_system
    from {{ ref('stg_synthea__condition') }}
    union
    select source_code, {{ code_system_name('source_code_system', 'source_code', '') }} as source_code_system
    from {{ ref('stg_fhir__condition') }}
    union
    select source_code, {{ code_system_name('source_code_system', 'source_code', 'ICD10CN-YB2.0') }} as source_code_system
    from {{ ref('stg_his__diagnosis') }}
    union
    select source_code, 'ICD10CN-YB2.0' as source_code_system from {{ ref('stg_his__front_sheet') }}
    union
    select source_code, 'ICD10CN-YB2.0' as source_code_system from {{ ref('stg_his__front_sheet_diagnosis') }}
    union
    select concept_code, concept_system from {{ ref('stg_clearward__finding') }} where attribute = 'diagnosis'
),

codes as (
    select
        source_code,
        source_code_system,
        case source_code_system when 'SNOMED' then 'snomed' when 'ICD9CM' then 'icd9' else 'icd10' end as code_group,
        case when source_code_system = 'SNOMED' then trim(source_code) else {{ icd_dagger('source_code') }} end as dagger,
        {{ icd_asterisk('source_code') }} as asterisk
    from said
    where source_code is not null
),

matches as (
    select
        codes.source_code,
        codes.source_code_system,
        map_diagnosis_code.*,
        row_number() over (
            partition by codes.source_code, codes.source_code_system
            order by map_diagnosis_code.priority
        ) as choice
    from codes
    inner join {{ ref('map_diagnosis_code') }} as map_diagnosis_code
        on codes.code_group = map_diagnosis_code.code_group
    where case
        when codes.code_group = 'snomed' then codes.dagger = map_diagnosis_code.prefix
        when map_diagnosis_code.part = 'asterisk'
            then starts_with(codes.asterisk, map_diagnosis_code.prefix)
        else starts_with(codes.dagger, map_diagnosis_code.prefix)
            and (coalesce(map_diagnosis_code.pattern, '') = '' or regexp_matches(codes.dagger, map_diagnosis_code.pattern))
    end
)

select
    matches.source_code,
    matches.source_code_system,
    matches.concept,
    diagnosis_concept.family,
    matches.products,
    try_cast(matches.severity as integer) as severity,
    nullif(matches.stage, '') as stage
from matches
inner join {{ ref('diagnosis_concept') }} as diagnosis_concept
    on matches.concept = diagnosis_concept.concept
where matches.choice = 1
