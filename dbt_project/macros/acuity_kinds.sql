{#- How an acuity was taken, and which of a day counts. -#}

{%- macro acuity_kind(method) -%}
  case when {{ method }} in ('UCVA', 'BCVA', 'PH') then {{ method }} else 'unspecified' end
{%- endmacro -%}

{#- Of one day: best corrected before pinhole before uncorrected before unknown. -#}
{%- macro acuity_kind_order(method) -%}
  case {{ method }} when 'BCVA' then 1 when 'PH' then 2 when 'UCVA' then 3 else 4 end
{%- endmacro -%}
